import type { Json, JsonObject } from '../../kernel/event-family.js';

/**
 * The log, as everything above it sees it. Adapters: `postgres`, `in-memory`; one contract suite holds them all.
 *
 * Terms. A *stream* is `category-id` and has versions 1, 2, 3 … A *position* orders the whole log: a reader that has seen
 * position n has seen every event at or below n. Positions strictly increase; that they are also gapless is a bonus of the
 * PostgreSQL adapter which nothing here relies on.
 */
export abstract class EventStore {
  /**
   * All of it or nothing: every write of the append under its own expected version, in one transaction, together with the
   * command's ledger entry. Rejects with VersionConflict, CommandReused, or one of the limit and outage errors below.
   */
  abstract append(append: Append): Promise<Appended>;

  abstract readStream(stream: string, range?: StreamRange): Promise<StreamSlice>;

  /** What a command did when it was first carried out; undefined if its id is unknown. Rejects with CommandReused. */
  abstract findCommand(command: CommandRef): Promise<Appended | undefined>;

  /** One page of the whole log, in position order (or backwards). */
  abstract readAll(range: LogRange): Promise<LogPage>;

  /** The newest position, 0n for an empty log. */
  abstract head(): Promise<bigint>;

  /**
   * Calls back after appends of this process were committed. It makes readers fast and no more: other processes append too,
   * so whoever listens must also poll.
   */
  abstract onAppended(listener: (batch: CommittedBatch) => void): () => void;

  /** Flushes what was accepted, refuses what comes after. */
  abstract close(): Promise<void>;
}

export interface DomainEvent {
  readonly type: string;
}

/** `any` and `exists` are checked like the others, inside the transaction and before a position is drawn. */
export type ExpectedVersion = number | 'none' | 'exists' | 'any';

export interface Append {
  readonly writes: readonly StreamWrite[];
  readonly metadata: EventMetadata;
  /** Makes the append idempotent: the same id and fingerprint again yields the first result. */
  readonly command?: CommandRef;
}

export interface StreamWrite {
  readonly stream: string;
  readonly expected: ExpectedVersion;
  /** May be empty: then the stream is only checked. */
  readonly events: readonly DomainEvent[];
  /** Comes before `events`. A stream that begins with it is stored by the name that is given here, be it of today or earlier. */
  readonly history?: readonly PastEvent[];
}

/**
 * An event as an earlier program stored it, or would have: of any version that can be read. It brings its own id, so that
 * carrying it over twice can be noticed.
 */
export interface PastEvent {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: JsonObject;
}

export interface CommandRef {
  readonly id: string;
  /** A hash of what was asked. The same id with another fingerprint is an error. */
  readonly fingerprint: string;
}

export interface Appended {
  /** The last event's position; the log's head at that moment if nothing was written. Reads can wait for it. */
  readonly position: bigint;
  /** The version of every stream of the append afterwards, in the order of its writes. Empty for a ledger answer. */
  readonly versions: readonly number[];
  readonly events: readonly RecordedEvent[];
  /** True when the ledger answered: the command had been carried out before. */
  readonly repeated: boolean;
}

/** What one commit of this process added to the log: all there is after `after`, up to the last of `events`. */
export interface CommittedBatch {
  readonly after: bigint;
  readonly events: readonly RecordedEvent[];
}

/** Why an event is there. Everything but the correlation may be unknown. */
export interface EventMetadata {
  readonly correlationId: string;
  readonly commandId?: string;
  /** The id of the event that a process reacted to. */
  readonly causationId?: string;
  readonly actor?: string;
  /** W3C traceparent of the span that appended. */
  readonly trace?: string;
}

export interface RecordedEvent<Event extends DomainEvent = DomainEvent> {
  readonly position: bigint;
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly schemaVersion: number;
  readonly event: Event;
  readonly metadata: EventMetadata;
  readonly recordedAt: Date;
}

export interface StreamRange {
  /** Forwards: the first version to read (default 1). Backwards: the newest to read (default: the last). */
  readonly from?: number;
  readonly direction?: 'forwards' | 'backwards';
  readonly limit?: number;
}

export interface StreamSlice {
  readonly events: readonly RecordedEvent[];
  /** The version of the last event that was read or, when the range held none, of the stream's last event; 0 if there is no stream. */
  readonly version: number;
}

export interface LogFilter {
  readonly types?: readonly string[];
  readonly categories?: readonly string[];
}

export interface LogRange {
  /** Forwards: events with a greater position. Backwards: events with a smaller one. */
  readonly after: bigint;
  readonly limit: number;
  readonly direction?: 'forwards' | 'backwards';
  readonly filter?: LogFilter;
}

export interface LogPage {
  readonly events: readonly RecordedEvent[];
  /**
   * Everything up to here was looked at, whether it passed the filter or not: the next page starts after it, and a
   * checkpoint may move to it. Equals `after` when there was nothing newer.
   */
  readonly scannedTo: bigint;
}

/** What an event looks like in storage, before the codec lifts it. */
export interface StoredEvent {
  readonly position: bigint;
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: Json;
  readonly metadata: EventMetadata;
  readonly recordedAt: Date;
}

export function categoryOf(stream: string): string {
  const dash = stream.indexOf('-');
  return dash < 0 ? stream : stream.slice(0, dash);
}
