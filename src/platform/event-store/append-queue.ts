import { setImmediate as turnEnds } from 'node:timers/promises';
import { AppendQueueFull, StoreUnavailable } from './errors.js';

/**
 * Micro-batching without a timer: what arrives while a flush is under way goes out together in the next one. A lone caller
 * waits for nothing; many callers share one commit.
 *
 * Who may ride in one flush is decided here, because inside the flush all versions are checked against the same state:
 *
 * - a stream occurs once, or its later appends expect `any`, which holds whatever becomes of the earlier ones;
 * - a command id occurs once, so that its repetition finds the first result in the ledger.
 *
 * What may not ride waits for the next flush, and so does everything behind it that touches the same stream: appends to one
 * stream leave in the order they came.
 */
export interface Queueable {
  readonly streams: readonly { readonly stream: string; readonly expectsAny: boolean }[];
  readonly commandId: string | undefined;
  readonly events: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
}

/** What a flush answers for each of its items, in their order. */
export type FlushResult<Result> = { readonly done: Result } | { readonly failed: Error };

export interface AppendQueueLimits {
  readonly queueMax: number;
  readonly flushAppendsMax: number;
  readonly flushEventsMax: number;
}

export class AppendQueue<Item extends Queueable, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private flushing: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly flush: (items: readonly Item[]) => Promise<readonly FlushResult<Result>[]>,
    private readonly limits: AppendQueueLimits,
  ) {}

  get length(): number {
    return this.waiting.length;
  }

  add(item: Item): Promise<Result> {
    if (this.closed) return Promise.reject(new StoreUnavailable('The event store is shutting down.'));
    if (this.waiting.length >= this.limits.queueMax) return Promise.reject(new AppendQueueFull(this.waiting.length));
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      // At the end of this turn of the event loop: callers whose requests came in together leave together.
      this.flushing ??= turnEnds().then(() => this.drain());
    });
  }

  /** Flushes what was accepted; refuses what comes after. */
  async close(): Promise<void> {
    this.closed = true;
    await this.flushing;
  }

  private async drain(): Promise<void> {
    try {
      while (this.waiting.length > 0) {
        await this.flushOnce(this.takeBatch());
        // Whoever was answered goes first, and whoever came in meanwhile comes along: the next flush is larger by them.
        await turnEnds();
      }
    } finally {
      this.flushing = undefined;
    }
  }

  private async flushOnce(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    let results: readonly FlushResult<Result>[];
    try {
      results = await this.flush(batch.map(({ item }) => item));
    } catch (error) {
      for (const { reject } of batch) reject(error);
      return;
    }
    batch.forEach(({ resolve, reject }, index) => {
      const result = results[index];
      if (result === undefined) reject(new Error('A flush did not answer for all of its appends.'));
      else if ('done' in result) resolve(result.done);
      else reject(result.failed);
    });
  }

  private takeBatch(): Waiting<Item, Result>[] {
    const rides = new Rides();
    const batch: Waiting<Item, Result>[] = [];
    const left: Waiting<Item, Result>[] = [];
    let events = 0;
    for (const [index, entry] of this.waiting.entries()) {
      const full =
        batch.length >= this.limits.flushAppendsMax ||
        (batch.length > 0 && events + entry.item.events > this.limits.flushEventsMax);
      if (full) {
        left.push(...this.waiting.slice(index));
        break;
      }
      if (rides.admits(entry.item)) {
        batch.push(entry);
        events += entry.item.events;
      } else left.push(entry);
    }
    this.waiting = left;
    return batch;
  }
}

class Rides {
  private readonly aboard = new Set<string>();
  private readonly heldBack = new Set<string>();
  private readonly commands = new Set<string>();

  admits({ streams, commandId }: Queueable): boolean {
    const admitted =
      (commandId === undefined || !this.commands.has(commandId)) &&
      streams.every(({ stream, expectsAny }) => !this.heldBack.has(stream) && (expectsAny || !this.aboard.has(stream)));
    for (const { stream } of streams) (admitted ? this.aboard : this.heldBack).add(stream);
    if (commandId !== undefined) this.commands.add(commandId);
    return admitted;
  }
}
