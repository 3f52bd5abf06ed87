import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStore, RecordedEvent } from '../event-store/event-store.js';
import { categoryOf } from '../event-store/event-store.js';
import type { Tail, TailBatch } from '../event-store/tail.js';
import { lineOf, recordOf } from './event-record.js';
import { PageSize } from './page-size.js';
import { selectedPages } from './selected-pages.js';
import { filterOf, stretchOf, type Reached, type Selection } from './selection.js';

export interface EventLinesOptions {
  /** Goes on with what happens from now on. */
  readonly follow: boolean;
  /** Ends the stream early, properly: with an end line that says so. */
  readonly stopping: AbortSignal;
  readonly silenceMsMax?: number;
}

const pageBytes = 512 * 1_024;

/**
 * Selected events as NDJSON, in chunks of whole lines. Three kinds of lines:
 *
 *   an event     has a `position`; whoever goes on later asks for what is after the last one that was handled
 *   a progress   `{"progress":{"position":…}}` when nothing was selected for a while: it was looked at up to there
 *   the end      `{"end":{"position":…,"reached":…,"events":…}}`, always the last line; without it the stream was torn
 *
 * Everything is read when it is asked for. Begins to read at the first question for a chunk.
 */
export class EventLines {
  private readonly size = new PageSize(pageBytes);
  private readonly silenceMsMax: number;
  private events = 0;
  private saidAt = performance.now();

  constructor(
    private readonly store: EventStore,
    private readonly tail: Tail,
    private readonly selection: Selection,
    private readonly options: EventLinesOptions,
  ) {
    this.silenceMsMax = options.silenceMsMax ?? 10_000;
  }

  async *chunks(): AsyncGenerator<string, void> {
    const end = yield* this.past();
    const { position, reached } = this.options.follow && end.reached === 'head' ? yield* this.live(end.position) : end;
    yield lineOf({ end: { position: Number(position), reached, events: this.events } });
  }

  private async *past(): AsyncGenerator<string, End> {
    const stretch = await stretchOf(this.store, this.selection);
    const pages = selectedPages(this.store, stretch, this.size);
    let position = stretch.after;
    for (;;) {
      if (this.options.stopping.aborted) return { position, reached: 'stopping' };
      const page = await pages.next();
      if (page.done === true) return page.value;
      position = page.value.scannedTo;
      yield* this.said(page.value.events, position);
    }
  }

  private async *live(after: bigint): AsyncGenerator<string, End> {
    const { stopping } = this.options;
    const done = new AbortController();
    const batches = this.tail.subscribe({
      after,
      batchMax: this.size.events,
      signal: AbortSignal.any([stopping, done.signal]),
      ...this.tailFilter(),
    });
    let position = after;
    try {
      for (;;) {
        const batch = yield* this.nextOf(batches, position);
        if (batch === undefined) return { position, reached: 'stopping' };
        const { events, end } = this.withinEnds(batch, position);
        position = end?.position ?? batch.upTo;
        yield* this.said(events, position);
        if (end !== undefined) return end;
      }
    } finally {
      done.abort();
    }
  }

  /** Waits for a batch, and meanwhile says now and then that it is still there. Undefined: there will be none. */
  private async *nextOf(
    batches: AsyncGenerator<TailBatch, void>,
    position: bigint,
  ): AsyncGenerator<string, TailBatch | undefined> {
    const next = batches.next();
    for (;;) {
      const batch = await orUndefinedAfter(this.silenceMsMax, next);
      if (batch !== undefined) return batch.done === true ? undefined : batch.value;
      yield this.progress(position);
    }
  }

  private *said(events: readonly RecordedEvent[], position: bigint): Generator<string> {
    if (events.length > 0) {
      const chunk = events.map((event) => lineOf(recordOf(event))).join('');
      this.size.took(events.length, chunk.length);
      this.events += events.length;
      this.saidAt = performance.now();
      yield chunk;
    } else if (performance.now() - this.saidAt > this.silenceMsMax) yield this.progress(position);
  }

  private progress(position: bigint): string {
    this.saidAt = performance.now();
    return lineOf({ progress: { position: Number(position) } });
  }

  private withinEnds(batch: TailBatch, before: bigint): { events: readonly RecordedEvent[]; end?: End } {
    const { stream, to, upTo = positionMax, limit = Infinity } = this.selection;
    const ofStream = stream === undefined ? batch.events : batch.events.filter((event) => event.stream === stream);
    const late = ofStream.findIndex(
      ({ position, recordedAt }) => position > upTo || (to !== undefined && recordedAt >= to),
    );
    const inTime = late < 0 ? ofStream : ofStream.slice(0, late);
    const events = inTime.slice(0, limit - this.events);
    const last = events.at(-1)?.position ?? before;
    if (events.length === limit - this.events) return { events, end: { position: last, reached: 'limit' } };
    if (batch.upTo >= upTo) return { events, end: { position: upTo, reached: 'up_to' } };
    return late < 0 ? { events } : { events, end: { position: last, reached: 'to' } };
  }

  private tailFilter(): ReturnType<typeof filterOf> {
    const { stream, types, categories } = this.selection;
    if (stream === undefined) return filterOf({ types, categories });
    const category = categoryOf(stream);
    return filterOf({ types, categories: categories?.includes(category) === false ? [] : [category] });
  }
}

interface End {
  readonly position: bigint;
  readonly reached: Reached | 'stopping';
}

const positionMax = 2n ** 63n - 1n;

async function orUndefinedAfter<Value>(ms: number, value: Promise<Value>): Promise<Value | undefined> {
  const timer = new AbortController();
  try {
    return await Promise.race([value, sleep(ms, undefined, { signal: timer.signal }).catch(() => undefined)]);
  } finally {
    timer.abort();
  }
}
