import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStore } from '../event-store/event-store.js';

/**
 * How fast a rebuild may go. While nobody adds to the log it takes all it can get. While people do it goes in short strides and
 * rests after each for as long as it took: half of the time is theirs, and whoever comes in the middle of one waits a moment for
 * the database or for this process, not for a whole page. Until it knows, it goes in short strides.
 */
export class Pace {
  private head: bigint | undefined;
  private lookedAt = 0;
  /** Positions. */
  private grownPerMs: number | undefined;
  private strideEvents = strideEventsFirst;
  private pageAt = performance.now();

  constructor(private readonly store: Pick<EventStore, 'head'>) {}

  /** Whether nobody adds to the log, as far as it knows. */
  get isFree(): boolean {
    return this.grownPerMs !== undefined && this.grownPerMs <= busyPositionsPerMs;
  }

  /** How many events the next page may have. */
  readonly eventsMax = (): number => (this.isFree ? pageEventsMax : this.strideEvents);

  /** To be called between two pages. `eventsPerS` is what the operator allows, however idle the machine is. */
  async rest(events: number, eventsPerS: number | null, signal: AbortSignal): Promise<void> {
    const workedMs = performance.now() - this.pageAt;
    await this.look();
    this.stride(workedMs);
    const dueMs = eventsPerS === null ? 0 : (events / eventsPerS) * 1_000 - workedMs;
    await pause(Math.min(Math.max(dueMs, this.isBusy ? workedMs : 0), restMsMax), signal);
    this.pageAt = performance.now();
  }

  private get isBusy(): boolean {
    return this.grownPerMs !== undefined && !this.isFree;
  }

  private async look(): Promise<void> {
    const elapsedMs = performance.now() - this.lookedAt;
    if (elapsedMs < lookMs) return;
    const head = await this.store.head();
    if (this.head !== undefined) this.grownPerMs = Number(head - this.head) / elapsedMs;
    this.head = head;
    this.lookedAt = performance.now();
  }

  /**
   * How many events fit into a stride depends on the machine and on the folds. But it is no use to be polite and never to arrive:
   * with the rest behind it, a stride takes at least twice what the log has grown by meanwhile.
   */
  private stride(workedMs: number): void {
    const change = Math.min(2, Math.max(0.5, strideMs / workedMs));
    const grown = (this.grownPerMs ?? 0) * 2 * workedMs;
    const wanted = Math.max(strideEventsMin, this.strideEvents * change, 2 * grown);
    this.strideEvents = Math.round(Math.min(strideEventsMax, wanted));
  }
}

const pageEventsMax = 10_000;
const strideMs = 10;
const strideEventsFirst = 500;
const strideEventsMin = 100;
const strideEventsMax = 4_000;
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
