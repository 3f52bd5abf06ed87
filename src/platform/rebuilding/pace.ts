import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStore } from '../event-store/event-store.js';

/**
 * How fast a rebuild may go. While people add to the log it reads small pages and rests as long as each took, so that half of
 * the time is theirs, and no batch of its own holds the database up for long; while nobody does, it takes all it can get.
 */
export class Pace {
  private head: bigint | undefined;
  private lookedAt = 0;
  private isBusy = false;
  private pageAt = performance.now();

  constructor(private readonly store: Pick<EventStore, 'head'>) {}

  /** How many events the next page may have. */
  readonly eventsMax = (): number => (this.isBusy ? busyPageEventsMax : pageEventsMax);

  /** To be called between two pages. `eventsPerS` is what the operator allows, however idle the machine is. */
  async rest(events: number, eventsPerS: number | null, signal: AbortSignal): Promise<void> {
    const workedMs = performance.now() - this.pageAt;
    await this.look();
    const dueMs = eventsPerS === null ? 0 : (events / eventsPerS) * 1_000 - workedMs;
    await pause(Math.min(Math.max(dueMs, this.isBusy ? workedMs : 0), restMsMax), signal);
    this.pageAt = performance.now();
  }

  private async look(): Promise<void> {
    const elapsedMs = performance.now() - this.lookedAt;
    if (elapsedMs < lookMs) return;
    const head = await this.store.head();
    const grown = this.head === undefined ? 0 : Number(head - this.head);
    this.isBusy = grown > busyPositionsPerMs * elapsedMs;
    this.head = head;
    this.lookedAt = performance.now();
  }
}

const pageEventsMax = 20_000;
const busyPageEventsMax = 2_000;
/** Ten positions a second. */
const busyPositionsPerMs = 0.01;
const lookMs = 200;
const restMsMax = 60_000;

/** Ends early, without an error, when the signal is given. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return;
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (!isOver(signal)) throw error;
  }
}

/** Asked anew each time: it may have been given while something was waited for. */
export function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}
