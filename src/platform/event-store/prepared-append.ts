import type { JsonObject } from '../../kernel/event-family.js';
import { timeOrderedUuid } from '../ids/time-ordered.js';
import { AppendTooLarge } from './errors.js';
import type { EventCodec } from './event-codec.js';
import type { Append, Appended, CommandRef, EventMetadata, ExpectedVersion, RecordedEvent } from './event-store.js';

/** An append that was validated, encoded and measured: what is left to do needs the log. */
export interface PreparedAppend {
  readonly streams: readonly PreparedWrite[];
  readonly command: CommandRef | undefined;
  readonly commandId: string | undefined;
  readonly metadata: EventMetadata;
  /** How many events there are in all. */
  readonly events: number;
}

export interface PreparedWrite {
  readonly stream: string;
  readonly expected: ExpectedVersion;
  readonly expectsAny: boolean;
  readonly events: readonly PreparedEvent[];
}

export interface PreparedEvent {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: JsonObject;
  readonly json: string;
}

export interface AppendLimits {
  readonly eventBytesMax: number;
  readonly appendEventsMax: number;
}

export function prepareAppend(append: Append, codec: EventCodec, limits: AppendLimits): PreparedAppend {
  const events = append.writes.reduce((sum, write) => sum + write.events.length, 0);
  if (events > limits.appendEventsMax) {
    throw new AppendTooLarge(
      `${String(events)} events in one append; at most ${String(limits.appendEventsMax)} are taken.`,
    );
  }
  const names = new Set(append.writes.map(({ stream }) => stream));
  if (names.size !== append.writes.length) throw new TypeError('An append names each stream once.');
  return {
    command: append.command,
    commandId: append.command?.id,
    metadata: append.metadata,
    events,
    streams: append.writes.map(({ stream, expected, events: written }) => ({
      stream: checkedName(stream),
      expected: expected === 0 ? 'none' : expected,
      expectsAny: expected === 'any',
      events: written.map((event) => prepareEvent(event, codec, limits)),
    })),
  };
}

function prepareEvent(event: { readonly type: string }, codec: EventCodec, limits: AppendLimits): PreparedEvent {
  const encoded = codec.encode(event);
  const json = JSON.stringify(encoded.data);
  // A JavaScript character is at most three bytes of UTF-8, so most events need no second look.
  const bytes = json.length * 3 <= limits.eventBytesMax ? 0 : Buffer.byteLength(json);
  if (bytes > limits.eventBytesMax) {
    throw new AppendTooLarge(
      `${encoded.type} would take ${String(bytes)} bytes; at most ${String(limits.eventBytesMax)} are taken.`,
    );
  }
  return { ...encoded, id: timeOrderedUuid(), json };
}

/** `category-id`; the bound keeps the index of streams small and its entries legal. */
const streamName = /^[A-Za-z][A-Za-z0-9_]*-[^\s\0]{1,400}$/;

function checkedName(stream: string): string {
  if (!streamName.test(stream)) throw new TypeError(`A stream is named category-id, not ${JSON.stringify(stream)}.`);
  return stream;
}

export function fits(expected: ExpectedVersion, actual: number): boolean {
  switch (expected) {
    case 'any':
      return true;
    case 'exists':
      return actual > 0;
    case 'none':
      return actual === 0;
    default:
      return actual === expected;
  }
}

/** What the log now holds, once the append's place in it is known. */
export function appended(
  append: PreparedAppend,
  place: { readonly head: bigint; readonly bases: readonly number[]; readonly recordedAt: Date },
): Appended {
  const events: RecordedEvent[] = [];
  let position = place.head;
  const versions = append.streams.map((write, index) => {
    let version = place.bases[index] ?? 0;
    for (const { id, type, schemaVersion, data } of write.events) {
      position += 1n;
      version += 1;
      events.push({
        position,
        stream: write.stream,
        version,
        id,
        schemaVersion,
        event: { type, ...data },
        metadata: append.metadata,
        recordedAt: place.recordedAt,
      });
    }
    return version;
  });
  return { position, versions, events, repeated: false };
}
