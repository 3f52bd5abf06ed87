import type { EventStore, LogFilter, RecordedEvent } from './event-store.js';

export interface TailOptions {
  /** How many recent events are kept for subscribers that are near the head. */
  readonly ringEventsMax?: number;
  readonly pageEventsMax?: number;
  /** How often the log is asked while it is busy, and while nothing happens. */
  readonly busyPollMs?: number;
  readonly idlePollMs?: number;
}

export interface TailBatch {
  /** Ascending by position. May be empty: then nothing up to `upTo` passed the filter. */
  readonly events: readonly RecordedEvent[];
  readonly upTo: bigint;
  /** The newest position this process knows of. */
  readonly head: bigint;
}

export interface TailOrder {
  readonly after: bigint;
  readonly filter?: LogFilter;
  readonly batchMax?: number;
  readonly signal: AbortSignal;
}

/** For health: a lag that looks small because the reader stands still must not look healthy. */
export interface TailStatus {
  readonly at: bigint;
  readonly lastReadAt: Date | undefined;
  readonly failing: { readonly since: Date; readonly error: unknown } | undefined;
}

const defaults = { ringEventsMax: 50_000, pageEventsMax: 5_000, busyPollMs: 10, idlePollMs: 50 };
const busyMs = 2_000;
const retryMsMax = 1_000;

/**
 * One reader of the log's end per process, for everybody who follows it.
 *
 * It reads each new event once, decodes it once, and keeps the latest in a ring. A subscriber whose cursor is inside the ring
 * takes from there; one that is further behind reads pages of its own until it has caught up. Subscribers pull: a batch is
 * made when its reader asks for it, so a slow one costs no memory and holds up nobody.
 *
 * States: *stopped* -> `start` -> *following* (reads whenever an append of this process or a poll says so) -> *retrying* while
 * the store fails -> *following*; `close` ends it. What this process appended itself needs no read when it continues exactly
 * where the reader stands.
 */
export class Tail {
  private readonly options: Required<TailOptions>;
  private ring: RecordedEvent[] = [];
  /** The ring holds every event in (ringAfter, at]. */
  private ringAfter = 0n;
  private at = 0n;
  private known = 0n;
  private lastReadAt: Date | undefined;
  private lastEventAtMs = 0;
  private failing: TailStatus['failing'];
  private following: Promise<void> | undefined;
  private readonly closing = new AbortController();
  private moved = wakeUp();
  private hinted = wakeUp();

  constructor(
    private readonly store: EventStore,
    options: TailOptions = {},
  ) {
    this.options = { ...defaults, ...options };
  }

  /** Idempotent. Subscribing starts it, too. */
  start(): void {
    this.following ??= this.follow();
  }

  head(): bigint {
    return this.known > this.at ? this.known : this.at;
  }

  status(): TailStatus {
    return { at: this.at, lastReadAt: this.lastReadAt, failing: this.failing };
  }

  /** Somebody who heard of newer events (another process, say) makes the next read happen now. */
  hint(): void {
    this.hinted.ring();
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.hinted.ring();
    this.moved.ring();
    await this.following;
  }

  async *subscribe(order: TailOrder): AsyncGenerator<TailBatch, void, void> {
    const { filter, batchMax = 1_000 } = order;
    const signal = AbortSignal.any([order.signal, this.closing.signal]);
    const wanted = filter === undefined ? undefined : matcher(filter);
    this.start();
    let cursor = order.after;
    while (!signal.aborted) {
      // Taken before looking: an event that comes in between rings this one.
      const { moved } = this;
      const batch = await this.next(cursor, batchMax, filter, wanted);
      if (batch.upTo <= cursor) await moved.rungOrAborted(signal);
      else {
        cursor = batch.upTo;
        yield batch;
      }
    }
  }

  /** From the ring when the cursor is in it, else a page of its own. Stays at the cursor when there is nothing newer. */
  private async next(
    cursor: bigint,
    batchMax: number,
    filter: LogFilter | undefined,
    wanted: ((event: RecordedEvent) => boolean) | undefined,
  ): Promise<TailBatch> {
    if (this.isStarted() && cursor >= this.ringAfter) return this.fromRing(cursor, batchMax, wanted);
    const page = await this.store.readAll({ after: cursor, limit: batchMax, ...(filter && { filter }) });
    this.known = page.scannedTo > this.known ? page.scannedTo : this.known;
    return { events: page.events, upTo: page.scannedTo, head: this.head() };
  }

  private isStarted(): boolean {
    return this.lastReadAt !== undefined;
  }

  private fromRing(
    cursor: bigint,
    batchMax: number,
    wanted: ((event: RecordedEvent) => boolean) | undefined,
  ): TailBatch {
    const events: RecordedEvent[] = [];
    for (let index = firstAfter(this.ring, cursor); index < this.ring.length; index += 1) {
      const recorded = this.ring[index];
      if (recorded === undefined || (wanted !== undefined && !wanted(recorded))) continue;
      events.push(recorded);
      if (events.length === batchMax) return { events, upTo: recorded.position, head: this.head() };
    }
    return { events, upTo: this.at, head: this.head() };
  }

  private async follow(): Promise<void> {
    const stopListening = this.store.onAppended(({ after, events }) => {
      const last = events.at(-1);
      if (last === undefined) return;
      if (this.isStarted() && after === this.at) this.advance(events, last.position);
      else this.hinted.ring();
      this.known = last.position > this.known ? last.position : this.known;
    });
    let retryMs = this.options.busyPollMs;
    while (!this.closing.signal.aborted) {
      const hinted = this.hinted;
      try {
        const more = await this.readOnce();
        this.failing = undefined;
        retryMs = this.options.busyPollMs;
        if (!more) await hinted.rungWithin(this.pollMs());
      } catch (error) {
        // Whatever the store's trouble is, giving up would stop every projection for good. Health shows it meanwhile.
        this.failing = { since: this.failing?.since ?? new Date(), error };
        await this.hinted.rungWithin(retryMs);
        retryMs = Math.min(retryMs * 2, retryMsMax);
      }
      if (hinted === this.hinted && hinted.wasRung) this.hinted = wakeUp();
    }
    stopListening();
  }

  /** True when there may be more to read at once. */
  private async readOnce(): Promise<boolean> {
    if (!this.isStarted()) {
      const head = await this.store.head();
      this.at = head;
      this.ringAfter = head;
      this.lastReadAt = new Date();
      this.moved.ring();
      this.moved = wakeUp();
      return false;
    }
    const { pageEventsMax } = this.options;
    const page = await this.store.readAll({ after: this.at, limit: pageEventsMax });
    this.lastReadAt = new Date();
    if (page.scannedTo <= this.at) return false;
    // An append of this process may have moved the reader while the page was on its way.
    this.advance(
      page.events.filter(({ position }) => position > this.at),
      page.scannedTo,
    );
    return page.events.length >= pageEventsMax;
  }

  private advance(events: readonly RecordedEvent[], upTo: bigint): void {
    for (const event of events) this.ring.push(event);
    this.at = upTo;
    const { ringEventsMax } = this.options;
    if (this.ring.length > ringEventsMax * 2) {
      this.ringAfter = this.ring[this.ring.length - ringEventsMax - 1]?.position ?? this.ringAfter;
      this.ring = this.ring.slice(-ringEventsMax);
    }
    this.lastEventAtMs = Date.now();
    const { moved } = this;
    this.moved = wakeUp();
    moved.ring();
  }

  private pollMs(): number {
    return Date.now() - this.lastEventAtMs < busyMs ? this.options.busyPollMs : this.options.idlePollMs;
  }
}

interface WakeUp {
  readonly wasRung: boolean;
  ring(): void;
  rungWithin(ms: number): Promise<void>;
  rungOrAborted(signal: AbortSignal): Promise<void>;
}

/** A bell that is rung once. Whoever wants to be woken again takes the next one before looking whether there is work. */
function wakeUp(): WakeUp {
  const waiting = new Set<() => void>();
  let rung = false;
  const wait = (arm: (wake: () => void) => () => void): Promise<void> =>
    rung
      ? Promise.resolve()
      : new Promise((resolve) => {
          const wake = () => {
            waiting.delete(wake);
            disarm();
            resolve();
          };
          waiting.add(wake);
          const disarm = arm(wake);
        });
  return {
    get wasRung() {
      return rung;
    },
    ring() {
      rung = true;
      for (const wake of [...waiting]) wake();
    },
    rungWithin: (ms) =>
      wait((wake) => {
        const timer = setTimeout(wake, ms);
        return () => {
          clearTimeout(timer);
        };
      }),
    rungOrAborted: (signal) =>
      signal.aborted
        ? Promise.resolve()
        : wait((wake) => {
            signal.addEventListener('abort', wake);
            return () => {
              signal.removeEventListener('abort', wake);
            };
          }),
  };
}

function matcher({ types, categories }: LogFilter): (event: RecordedEvent) => boolean {
  const typeSet = types && new Set(types);
  const prefixes = categories?.map((category) => `${category}-`);
  return ({ event, stream }) =>
    (typeSet?.has(event.type) ?? true) && (prefixes?.some((prefix) => stream.startsWith(prefix)) ?? true);
}

function firstAfter(events: readonly RecordedEvent[], position: bigint): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((events[middle]?.position ?? 0n) <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}
