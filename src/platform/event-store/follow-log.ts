import { setTimeout as sleep } from 'node:timers/promises';
import type { Tail, TailBatch, TailOrder } from './tail.js';

/** What whoever follows does. */
export interface Follower {
  /** It must not fail: what it was given counts as taken. */
  readonly take: (batch: TailBatch) => void;
  /** Without one, the tail's own health is all that tells of trouble with the log. */
  readonly onTrouble?: (error: unknown) => void;
}

const retryMs = 200;

/**
 * Hands on everything that happens after a position, until it is aborted. A log that fails is there again sooner or later, and
 * is asked from where it failed: nothing is skipped and nothing comes twice.
 */
export async function followLog(
  tail: Tail,
  { after, ...order }: TailOrder,
  { take, onTrouble }: Follower,
): Promise<void> {
  const { signal } = order;
  let at = after;
  while (!signal.aborted) {
    try {
      for await (const batch of tail.subscribe({ ...order, after: at })) {
        at = batch.upTo;
        take(batch);
      }
    } catch (error) {
      onTrouble?.(error);
      await sleep(retryMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
