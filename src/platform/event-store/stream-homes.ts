import { LRUCache } from 'lru-cache';
import type { EventCodec } from './event-codec.js';
import { VersionConflict } from './errors.js';
import type { ExpectedVersion } from './event-store.js';
import type { PreparedAppend, PreparedWrite } from './prepared-append.js';

/**
 * By which of its names a stream is stored, when it was renamed at some time.
 *
 * A stream that exists has one home for ever. One that doesn't gets today's name; the append that begins it also checks, in
 * its transaction, that none of its other names is taken, so two writers who know different names cannot begin it twice.
 *
 * Streams that never had another name pass by here without a look.
 */
export class StreamHomes {
  private readonly known = new LRUCache<string, string>({ max: homesMax });
  private readonly asking = new Map<string, Promise<string | undefined>>();

  constructor(
    private readonly codec: EventCodec,
    /** The one of these names that has events. */
    private readonly find: (names: readonly string[]) => Promise<string | undefined>,
  ) {}

  /** Where to look for a stream: one name if its home is known, else all it may have. */
  namesOf(stream: string): readonly [string, ...string[]] {
    const before = this.codec.streamsBefore(stream);
    if (before.length === 0) return [stream];
    const home = this.known.get(stream);
    return home === undefined ? [stream, ...before] : [home];
  }

  /** Somebody came by an event of the stream. */
  found(stream: string, home: string): void {
    if (this.codec.streamsBefore(stream).length > 0) this.known.set(stream, home);
  }

  /** Appends with every stream at its home; a home that turns out to be another by then is tried again. */
  async append<Done extends { readonly versions: readonly number[] }>(
    prepared: PreparedAppend,
    commit: (placed: PreparedAppend) => Promise<Done>,
  ): Promise<Done> {
    for (;;) {
      const placed = prepared.streams.every((write) => this.isAtHome(write)) ? prepared : await this.place(prepared);
      try {
        const done = await commit(placed);
        if (placed !== prepared) this.learn(placed, done.versions);
        return done;
      } catch (error) {
        if (!(error instanceof VersionConflict)) throw error;
        if (!this.isElsewhere(placed, error)) throw inTodaysWords(prepared, error, this.codec);
      }
    }
  }

  /** As nearly always. */
  private isAtHome({ name, stream }: PreparedWrite): boolean {
    return this.known.get(name) === stream;
  }

  private learn({ streams, visible }: PreparedAppend, versions: readonly number[]): void {
    for (const [index, { name, stream }] of streams.slice(0, visible).entries()) {
      if ((versions[index] ?? 0) > 0) this.found(name, stream);
    }
  }

  private async place(prepared: PreparedAppend): Promise<PreparedAppend> {
    const writes: PreparedWrite[] = [];
    const checks: PreparedWrite[] = [];
    for (const write of prepared.streams) {
      const others = [write.name, ...this.codec.streamsBefore(write.name)].filter((name) => name !== write.stream);
      const home = others.length === 0 ? write.stream : await this.homeFor(write);
      writes.push(home === undefined ? write : { ...write, stream: home });
      if (home === undefined) checks.push(...others.map((stream) => unused(write.name, stream)));
    }
    return { ...prepared, streams: [...writes, ...checks] };
  }

  /** Whoever expects a stream not to exist need not be told where it would be: the check is the answer. */
  private homeFor({ name, expected }: PreparedWrite): Promise<string | undefined> | string | undefined {
    const asked = this.asking.get(name);
    if (asked !== undefined) return asked;
    const home = this.known.get(name);
    return home !== undefined || expected === 'none' ? home : this.ask(name);
  }

  /** One question for all who ask meanwhile: they go on in the order in which they came. */
  private ask(name: string): Promise<string | undefined> {
    const answer = this.find([name, ...this.codec.streamsBefore(name)]).then((home) => {
      if (home !== undefined) this.known.set(name, home);
      return home;
    });
    this.asking.set(name, answer);
    const forget = (): void => void this.asking.delete(name);
    answer.then(forget, forget);
    return answer;
  }

  private isElsewhere({ streams, visible }: PreparedAppend, { stream }: VersionConflict): boolean {
    const check = streams.slice(visible).find((each) => each.stream === stream);
    if (check !== undefined) this.known.set(check.name, stream);
    return check !== undefined;
  }
}

const homesMax = 50_000;

function unused(name: string, stream: string): PreparedWrite {
  return { name, stream, expected: 'none', expectsAny: false, events: [] };
}

function inTodaysWords({ streams }: PreparedAppend, conflict: VersionConflict, codec: EventCodec): VersionConflict {
  const name = codec.streamNow(conflict.stream);
  const expected: ExpectedVersion = streams.find((write) => write.name === name)?.expected ?? conflict.expected;
  return new VersionConflict(name, expected, conflict.actual);
}
