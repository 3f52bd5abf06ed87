import type { JsonObject } from '../../kernel/event-family.js';
import { timeOrderedUuid } from '../ids/time-ordered.js';
import { AppendTooLarge } from './errors.js';
import type { EventCodec } from './event-codec.js';
import type {
  Append,
  Appended,
  CommandRef,
  EventMetadata,
  ExpectedVersion,
  PastEvent,
  RecordedEvent,
  StreamWrite,
} from './event-store.js';
import type { Lifted } from '../../kernel/upcast.js';

/** An append that was validated, encoded and measured: what is left to do needs the log. */
export interface PreparedAppend {
  readonly streams: readonly PreparedWrite[];
  /** How many of the streams were asked for. The others are only checked, because one of them may be stored by another name. */
  readonly visible: number;
  /** Some stream may be stored by another name than today's. */
  readonly isRenamed: boolean;
  readonly command: CommandRef | undefined;
  readonly commandId: string | undefined;
  readonly metadata: EventMetadata;
  /** How many events there are in all. */
  readonly events: number;
}

export interface PreparedWrite {
  /** Today's name, and the one by which the stream is stored. */
  readonly name: string;
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
  /** How it is read, if not as it is stored. */
  readonly lifted?: Lifted;
}

export interface AppendLimits {
  readonly eventBytesMax: number;
  readonly appendEventsMax: number;
}

export function prepareAppend(append: Append, codec: EventCodec, limits: AppendLimits): PreparedAppend {
  const events = append.writes.reduce((sum, { events, history = [] }) => sum + events.length + history.length, 0);
  if (events > limits.appendEventsMax) {
    throw new AppendTooLarge(
      `${String(events)} events in one append; at most ${String(limits.appendEventsMax)} are taken.`,
    );
  }
  const streams = append.writes.map((write) => prepareWrite(write, codec, limits));
  if (new Set(streams.map(({ name }) => name)).size !== streams.length) {
    throw new TypeError('An append names each stream once.');
  }
  return {
    command: append.command,
    commandId: append.command?.id,
    metadata: append.metadata,
    events,
    streams,
    visible: streams.length,
    isRenamed: streams.some(({ name, stream }) => name !== stream || codec.streamsBefore(name).length > 0),
  };
}

function prepareWrite(
  { stream, expected, events, history = [] }: StreamWrite,
  codec: EventCodec,
  limits: AppendLimits,
): PreparedWrite {
  const name = codec.streamNow(checkedName(stream));
  return {
    name,
    stream: history.length > 0 ? stream : name,
    expected: expected === 0 ? 'none' : expected,
    expectsAny: expected === 'any',
    events: [
      ...history.map((past) => preparePast(past, stream, codec, limits)),
      ...events.map((event) => prepareEvent(event, codec, limits)),
    ],
  };
}

function preparePast(past: PastEvent, stream: string, codec: EventCodec, limits: AppendLimits): PreparedEvent {
  const { id, type, schemaVersion, data } = past;
  const lifted = codec.adopt(past, stream);
  return { id, type, schemaVersion, data, json: storableJson(past, limits), lifted };
}

function prepareEvent(event: { readonly type: string }, codec: EventCodec, limits: AppendLimits): PreparedEvent {
  const encoded = codec.encode(event);
  return { ...encoded, id: timeOrderedUuid(), json: storableJson(encoded, limits) };
}

function storableJson({ type, data }: Pick<PreparedEvent, 'type' | 'data'>, limits: AppendLimits): string {
  const json = JSON.stringify(data);
  // A JavaScript character is at most three bytes of UTF-8, so most events need no second look.
  const bytes = json.length * 3 <= limits.eventBytesMax ? 0 : Buffer.byteLength(json);
  if (bytes > limits.eventBytesMax) {
    throw new AppendTooLarge(
      `${type} would take ${String(bytes)} bytes; at most ${String(limits.eventBytesMax)} are taken.`,
    );
  }
  return json;
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
    for (const prepared of write.events) {
      const { id } = prepared;
      const { type, schemaVersion, data } = prepared.lifted ?? prepared;
      position += 1n;
      version += 1;
      events.push({
        position,
        stream: write.name,
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
  return { position, versions: versions.slice(0, append.visible), events, repeated: false };
}
