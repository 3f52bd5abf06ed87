import { VersionConflict } from '../../platform/event-store/errors.js';
import { EventInvalid, type EventCodec } from '../../platform/event-store/event-codec.js';
import type { Append, EventStore, PastEvent } from '../../platform/event-store/event-store.js';
import type { StreamHistory } from './journey-history.js';

/**
 * Appends a stream's history, as far as it isn't there.
 *
 * What tells is the stream itself: it must not exist, and if it does, it must begin with these events. That holds for as long
 * as the log does, however often an import is repeated and wherever it was killed; a record of what was imported could be
 * lost, or be wrong about it.
 */
export class HistoryAppender {
  constructor(
    private readonly store: EventStore,
    private readonly codec: EventCodec,
  ) {}

  /** All of the streams begin in one append, or none. How many events were added. Rejects with OtherHistory. */
  async begin(streams: readonly StreamHistory[]): Promise<number> {
    const first = streams.map(({ stream, history }) => ({
      stream,
      expected: 'none' as const,
      events: [],
      history: history.slice(0, chunkEventsMax),
    }));
    try {
      const { events } = await this.store.append({ writes: first, metadata });
      let added = events.length;
      for (const { stream, history } of streams) added += await this.goOn({ stream, history }, chunkEventsMax);
      return added;
    } catch (error) {
      if (!(error instanceof VersionConflict)) throw error;
      return this.complete(streams, error);
    }
  }

  /** Whether all of it is there, asked without sending it: what a repeated import wants to know of nearly every session. */
  async isThere({ stream, history }: StreamHistory): Promise<boolean> {
    try {
      await this.store.append({ writes: [{ stream, expected: 'none', events: [] }], metadata });
      return false;
    } catch (error) {
      if (!(error instanceof VersionConflict)) throw error;
      return error.actual >= history.length;
    }
  }

  /** Why an event couldn't be read again; undefined if it can. */
  flaw(past: PastEvent, stream: string): string | undefined {
    try {
      this.codec.adopt(past, stream);
      return undefined;
    } catch (error) {
      if (!(error instanceof EventInvalid)) throw error;
      return error.message;
    }
  }

  private async complete(streams: readonly StreamHistory[], conflict: VersionConflict): Promise<number> {
    const [only, ...others] = streams;
    // Longer, it went on here; whose it is, comparing tells.
    if (only !== undefined && others.length === 0 && conflict.actual >= only.history.length) return 0;
    let added = 0;
    for (const { stream, history } of streams) {
      const { events, version } = await this.store.readStream(stream, { limit: Math.max(history.length, 1) });
      const isOurs = events.every(({ id }, index) => id === history[index]?.id);
      if (!isOurs || (events.length < history.length && version > events.length)) throw new OtherHistory(stream);
      added += await this.goOn({ stream, history }, events.length);
    }
    return added;
  }

  private async goOn({ stream, history }: StreamHistory, from: number): Promise<number> {
    for (let version = from; version < history.length; version += chunkEventsMax) {
      const rest = history.slice(version, version + chunkEventsMax);
      const expected = version === 0 ? 'none' : version;
      await this.store.append({ writes: [{ stream, expected, events: [], history: rest }], metadata });
    }
    return Math.max(0, history.length - from);
  }
}

/** Not of one run: the same events are the same whichever run adds them. */
const metadata: Append['metadata'] = { correlationId: 'import of journeys' };
const chunkEventsMax = 1_000;

/** A stream of that name is there, and holds something else. */
export class OtherHistory extends Error {
  override readonly name = 'OtherHistory';
  constructor(readonly stream: string) {
    super(`The stream ${stream} is there already, and holds something else.`);
  }
}
