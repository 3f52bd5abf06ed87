import type pg from 'pg';
import { AppendConnection } from './append-connection.js';
import { AppendQueue, type FlushResult } from './append-queue.js';
import { AppendRejected, CommandReused, StoreUnavailable, VersionConflict } from './errors.js';
import type { EventCodec } from './event-codec.js';
import {
  EventStore,
  type Append,
  type Appended,
  type CommandRef,
  type CommittedBatch,
  type LogFilter,
  type LogPage,
  type LogRange,
  type RecordedEvent,
  type StoredEvent,
  type StreamRange,
  type StreamSlice,
} from './event-store.js';
import { appendMany, appendOne, type AppendAnswer } from './postgres.append.js';
import {
  commandEntry,
  logBackwards,
  logBetween,
  logFiltered,
  logForwards,
  logHead,
  renamedHome,
  streamByName,
  streamByNames,
  type StreamQuestions,
  type Statement,
} from './postgres.reads.js';
import { positionOf, storedEvent } from './postgres.rows.js';
import { appended, fits, prepareAppend, type AppendLimits, type PreparedAppend } from './prepared-append.js';
import { StreamHomes } from './stream-homes.js';

export interface PostgresEventStoreOptions extends AppendLimits {
  readonly appendQueueMax: number;
  readonly flushMsMax?: number;
  readonly connectMsMax?: number;
}

const flushAppendsMax = 512;
const flushEventsMax = 4_096;
const readLimitMax = 100_000;
const versionMax = 2_147_483_647;
/** A filtered page looks at this many positions at most, so that a filter that matches little cannot run for minutes. */
const windowPositions = 50_000n;

/** The log in PostgreSQL. The order of positions, and why it can be trusted, is explained at the functions in the migration. */
export class PostgresEventStore extends EventStore {
  private readonly connection: AppendConnection;
  private readonly queue: AppendQueue<PreparedAppend, Appended>;
  private readonly homes: StreamHomes;
  private readonly listeners = new Set<(batch: CommittedBatch) => void>();

  constructor(
    private readonly database: { readonly url: string; readonly pool: pg.Pool },
    private readonly codec: EventCodec,
    private readonly options: PostgresEventStoreOptions,
  ) {
    super();
    const { flushMsMax = 30_000, connectMsMax = 5_000 } = options;
    this.connection = new AppendConnection({ url: database.url, flushMsMax, connectMsMax });
    this.queue = new AppendQueue((batch) => this.flushTogether(batch), {
      queueMax: options.appendQueueMax,
      flushAppendsMax,
      flushEventsMax,
    });
    this.homes = new StreamHomes(codec, async (names) => {
      const [row] = await this.rows(renamedHome, [names]);
      return row === undefined ? undefined : String(row[0]);
    });
  }

  /** Appends that wait for the flush under way. */
  get queued(): number {
    return this.queue.length;
  }

  async append(append: Append): Promise<Appended> {
    const prepared = prepareAppend(append, this.codec, this.options);
    const result = prepared.isRenamed
      ? await this.homes.append(prepared, (placed) => this.queue.add(placed))
      : await this.queue.add(prepared);
    if (!result.repeated || append.command === undefined) return result;
    const first = await this.findCommand(append.command);
    if (first === undefined) throw new StoreUnavailable('The ledger entry of the command expired meanwhile.');
    return first;
  }

  async readStream(stream: string, range: StreamRange = {}): Promise<StreamSlice> {
    const name = this.codec.streamNow(stream);
    const [home, ...others] = this.homes.namesOf(name);
    const ask = others.length === 0 ? streamByName(home) : streamByNames([home, ...others]);
    const backwards = range.direction === 'backwards';
    const limit = Math.min(range.limit ?? readLimitMax, readLimitMax);
    const bound = range.from ?? (backwards ? versionMax : 1);
    const read = await this.stored(backwards ? ask.backwards : ask.forwards, [ask.named, bound, limit]);
    const newest = backwards ? read[0] : read.at(-1);
    if (newest === undefined) return this.nothingIn(stream, range, ask);
    this.homes.found(name, newest.stream);
    return { events: this.decoded(read), version: newest.version };
  }

  async findCommand(command: CommandRef): Promise<Appended | undefined> {
    const [row] = await this.rows(commandEntry, [command.id]);
    if (row === undefined) return undefined;
    const [fingerprint, first, last] = row;
    if (fingerprint !== command.fingerprint) throw new CommandReused(command.id);
    const position = positionOf(last);
    const events = first === null ? [] : await this.stored(logBetween, [positionOf(first), position]);
    return { position, versions: [], events: this.decoded(events), repeated: true };
  }

  async readAll(range: LogRange): Promise<LogPage> {
    const limit = Math.min(range.limit, readLimitMax);
    if (range.direction === 'backwards') return this.readBackwards(range, limit);
    return range.filter === undefined ? this.readOn(range.after, limit) : this.readFiltered(range, limit);
  }

  async head(): Promise<bigint> {
    const [row] = await this.rows(logHead, []);
    return positionOf(row?.[0]);
  }

  onAppended(listener: (batch: CommittedBatch) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.queue.close();
    await this.connection.close();
  }

  /** One append whose data the database refuses must not fail the others that happened to ride with it. */
  private async flushTogether(batch: readonly PreparedAppend[]): Promise<readonly FlushResult<Appended>[]> {
    try {
      return await this.flush(batch);
    } catch (error) {
      if (!(error instanceof AppendRejected) || batch.length === 1) throw error;
      const results: FlushResult<Appended>[] = [];
      for (const append of batch) results.push(await this.flushAlone(append));
      return results;
    }
  }

  private async flushAlone(append: PreparedAppend): Promise<FlushResult<Appended>> {
    try {
      const [result] = await this.flush([append]);
      return result ?? { failed: new StoreUnavailable('A flush did not answer.') };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return { failed: error };
    }
  }

  /** What cannot be written is taken out and answered; the rest goes again, until all of it was written. */
  private async flush(batch: readonly PreparedAppend[]): Promise<readonly FlushResult<Appended>[]> {
    const results = new Map<PreparedAppend, FlushResult<Appended>>();
    for (let left = batch; left.length > 0;) {
      const answer = await this.write(left);
      if (answer.written) {
        for (const [append, done] of this.committed(left, answer)) results.set(append, { done });
        break;
      }
      for (const [index, append] of left.entries()) {
        const refusal = refusalOf(append, answer, answer.versions[index] ?? []);
        if (refusal !== undefined) results.set(append, refusal);
      }
      left = left.filter((append) => !results.has(append));
    }
    return batch.map((append) => results.get(append) ?? { failed: new StoreUnavailable('A flush did not answer.') });
  }

  private write(batch: readonly PreparedAppend[]): Promise<AppendAnswer> {
    const [only] = batch;
    const isLone = only?.streams.length === 1 && only.events === 1 && batch.length === 1;
    return isLone ? appendOne(this.connection, only) : appendMany(this.connection, batch);
  }

  private committed(
    batch: readonly PreparedAppend[],
    answer: AppendAnswer,
  ): readonly (readonly [PreparedAppend, Appended])[] {
    // The database answers with versions before the flush; earlier appends of the same flush have moved some streams since.
    const moved = new Map<string, number>();
    let { head } = answer;
    const results = batch.map((append, index) => {
      const bases = append.streams.map(({ stream }, at) => moved.get(stream) ?? answer.versions[index]?.[at] ?? 0);
      const done = appended(append, { head, bases, recordedAt: answer.recordedAt });
      append.streams.forEach(({ stream }, at) => moved.set(stream, done.versions[at] ?? 0));
      head = done.position;
      return [append, done] as const;
    });
    const events = results.flatMap(([, done]) => done.events);
    if (events.length > 0) for (const listener of this.listeners) listener({ after: answer.head, events });
    return results;
  }

  private async readOn(after: bigint, limit: number): Promise<LogPage> {
    const read = await this.stored(logForwards, [after, limit]);
    return { events: this.decoded(read), scannedTo: read.at(-1)?.position ?? after };
  }

  /** The end of the window is read in a statement before the page: all that is at or below it is then visible. */
  private async readFiltered({ after, filter = {} }: LogRange, limit: number): Promise<LogPage> {
    const head = await this.head();
    const windowEnd = after + windowPositions < head ? after + windowPositions : head;
    if (windowEnd <= after) return { events: [], scannedTo: after };
    const read = await this.stored(logFiltered, [after, windowEnd, ...this.filterValues(filter), limit]);
    const last = read.length === limit ? read.at(-1) : undefined;
    return { events: this.decoded(read), scannedTo: last?.position ?? windowEnd };
  }

  private async readBackwards({ after, filter = {} }: LogRange, limit: number): Promise<LogPage> {
    const read = await this.stored(logBackwards, [after, ...this.filterValues(filter), limit]);
    const last = read.length === limit ? read.at(-1) : undefined;
    return { events: this.decoded(read), scannedTo: last?.position ?? 0n };
  }

  private filterValues({ types, categories }: LogFilter): readonly unknown[] {
    return [
      types === undefined ? null : this.codec.storedTypes(types),
      categories === undefined ? null : this.codec.storedCategories(categories),
    ];
  }

  /**
   * The range held nothing; how far does the stream go? What was appended between the two questions belongs to the answer: a
   * version without its events would look like a stream in which nothing happened.
   */
  private async nothingIn(stream: string, range: StreamRange, ask: StreamQuestions): Promise<StreamSlice> {
    const [row] = await this.rows(ask.version, [ask.named]);
    const version = Number(row?.[0] ?? 0);
    const { from, limit = readLimitMax } = range;
    const isInRange = range.direction === 'backwards' ? Math.min(version, from ?? version) > 0 : version >= (from ?? 1);
    return isInRange && limit > 0 ? this.readStream(stream, range) : { events: [], version };
  }

  private decoded(read: readonly StoredEvent[]): readonly RecordedEvent[] {
    const events: RecordedEvent[] = [];
    for (const stored of read) {
      const event = this.codec.decode(stored);
      if (event !== undefined) events.push(event);
    }
    return events;
  }

  private async stored(statement: Statement, values: readonly unknown[]): Promise<readonly StoredEvent[]> {
    const rows = await this.rows(statement, values);
    return rows.map(storedEvent);
  }

  private async rows(statement: Statement, values: readonly unknown[]): Promise<unknown[][]> {
    try {
      const query = { ...statement, values: [...values], rowMode: 'array' as const };
      return (await this.database.pool.query<unknown[]>(query)).rows;
    } catch (error) {
      throw new StoreUnavailable('The log cannot be read.', { cause: error });
    }
  }
}

/** Why this append cannot be written; undefined if it was only held up by its neighbours. */
function refusalOf(
  { streams, commandId }: PreparedAppend,
  answer: AppendAnswer,
  versions: readonly number[],
): FlushResult<Appended> | undefined {
  if (commandId !== undefined && answer.known.has(commandId)) {
    return { done: { position: answer.head, versions: [], events: [], repeated: true } };
  }
  for (const [index, { stream, expected }] of streams.entries()) {
    const actual = versions[index] ?? 0;
    if (!fits(expected, actual)) return { failed: new VersionConflict(stream, expected, actual) };
  }
  return undefined;
}
