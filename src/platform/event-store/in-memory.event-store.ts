import { AppendQueueFull, CommandReused, StoreUnavailable, VersionConflict } from './errors.js';
import type { EventCodec } from './event-codec.js';
import {
  categoryOf,
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
import { appended, fits, prepareAppend, type AppendLimits, type PreparedAppend } from './prepared-append.js';
import { StreamHomes } from './stream-homes.js';

/** The log in an array, for tests: the same promises, the same codec, nothing kept. */
export class InMemoryEventStore extends EventStore {
  private readonly log: StoredEvent[] = [];
  private readonly streams = new Map<string, StoredEvent[]>();
  private readonly ledger = new Map<string, { readonly fingerprint: string; readonly result: Appended }>();
  private readonly listeners = new Set<(batch: CommittedBatch) => void>();
  private readonly homes: StreamHomes;
  private queued = 0;
  private closed = false;

  constructor(
    private readonly codec: EventCodec,
    private readonly limits: AppendLimits & { readonly appendQueueMax: number } = {
      eventBytesMax: 1_048_576,
      appendEventsMax: 10_000,
      appendQueueMax: 20_000,
    },
  ) {
    super();
    this.homes = new StreamHomes(codec, (names) => Promise.resolve(names.find((name) => this.streams.has(name))));
  }

  async append(append: Append): Promise<Appended> {
    const prepared = prepareAppend(append, this.codec, this.limits);
    if (this.closed) throw new StoreUnavailable('The event store is shutting down.');
    if (this.queued >= this.limits.appendQueueMax) throw new AppendQueueFull(this.queued);
    this.queued += 1;
    // A real log answers later. Whoever relies on an answer in the same tick should fail here, too.
    await new Promise((resolve) => setImmediate(resolve));
    this.queued -= 1;
    return this.homes.append(prepared, (placed) => {
      const known = this.known(placed.command);
      return Promise.resolve(known ?? this.commit(placed));
    });
  }

  readStream(stream: string, range: StreamRange = {}): Promise<StreamSlice> {
    const names = this.homes.namesOf(this.codec.streamNow(stream));
    const all = names.flatMap((name) => this.streams.get(name) ?? []);
    const forwards = range.direction !== 'backwards';
    const from = range.from ?? (forwards ? 1 : all.length);
    const inRange = forwards ? all.slice(Math.max(from, 1) - 1) : all.slice(0, Math.max(from, 0)).reverse();
    const read = inRange.slice(0, range.limit);
    const newest = forwards ? read.at(-1) : read[0];
    return Promise.resolve({ events: this.decoded(read), version: newest?.version ?? all.length });
  }

  findCommand(command: CommandRef): Promise<Appended | undefined> {
    return new Promise((resolve) => {
      resolve(this.known(command));
    });
  }

  async readAll({ after, limit, direction, filter = {} }: LogRange): Promise<LogPage> {
    const forwards = direction !== 'backwards';
    const range = forwards ? this.log.slice(Number(after)) : this.log.slice(0, Number(after) - 1).reverse();
    const matching = range.filter(this.matcher(filter));
    const read = matching.slice(0, limit);
    const last = read.length < matching.length ? read.at(-1) : undefined;
    const end = forwards ? await this.head() : 0n;
    return { events: this.decoded(read), scannedTo: last?.position ?? (forwards && end < after ? after : end) };
  }

  head(): Promise<bigint> {
    return Promise.resolve(this.log.at(-1)?.position ?? 0n);
  }

  onAppended(listener: (batch: CommittedBatch) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  private matcher({ types, categories }: LogFilter): (event: StoredEvent) => boolean {
    const wanted = types && new Set(this.codec.storedTypes(types));
    const within = categories && new Set(this.codec.storedCategories(categories));
    return ({ type, stream }) => (wanted?.has(type) ?? true) && (within?.has(categoryOf(stream)) ?? true);
  }

  private known(command: CommandRef | undefined): Appended | undefined {
    const entry = command && this.ledger.get(command.id);
    if (command === undefined || entry === undefined) return undefined;
    if (entry.fingerprint !== command.fingerprint) throw new CommandReused(command.id);
    return { ...entry.result, versions: [], repeated: true };
  }

  private commit(prepared: PreparedAppend): Appended {
    const bases = prepared.streams.map(({ stream }) => this.streams.get(stream)?.length ?? 0);
    for (const [index, { stream, expected }] of prepared.streams.entries()) {
      const actual = bases[index] ?? 0;
      if (!fits(expected, actual)) throw new VersionConflict(stream, expected, actual);
    }
    const head = this.log.at(-1)?.position ?? 0n;
    const result = appended(prepared, { head, bases, recordedAt: new Date() });
    this.store(prepared, result.events);
    if (prepared.command !== undefined) {
      this.ledger.set(prepared.command.id, { fingerprint: prepared.command.fingerprint, result });
    }
    if (result.events.length > 0)
      for (const listener of this.listeners) listener({ after: head, events: result.events });
    return result;
  }

  private store({ streams }: PreparedAppend, events: readonly RecordedEvent[]): void {
    const prepared = streams.flatMap(({ stream, events: written }) => written.map((event) => ({ stream, event })));
    for (const [index, { stream, event }] of prepared.entries()) {
      const recorded = events[index];
      if (recorded === undefined) throw new TypeError('An append has fewer events than were prepared.');
      const { position, version, metadata, recordedAt } = recorded;
      const { id, type, schemaVersion, data } = event;
      const stored = { position, stream, version, id, type, schemaVersion, data, metadata, recordedAt };
      this.log.push(stored);
      this.streams.set(stream, [...(this.streams.get(stream) ?? []), stored]);
    }
  }

  private decoded(stored: readonly StoredEvent[]): readonly RecordedEvent[] {
    return stored.map((event) => this.codec.decode(event)).filter((event) => event !== undefined);
  }
}
