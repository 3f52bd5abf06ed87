import type { JsonObject } from '../../kernel/event-family.js';
import { categoryOf, type EventMetadata, type RecordedEvent } from '../event-store/event-store.js';

/**
 * An event as data for somebody outside: the one shape of streams, exports, replays and printed lines. It is what today's
 * code makes of what was stored; what is sealed stays sealed, because nothing here holds a key.
 */
export interface EventRecord {
  /** Positions stay below 2^53, so a JSON number holds them. */
  readonly position: number;
  readonly stream: string;
  readonly category: string;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly schema_version: number;
  readonly recorded_at: Date;
  readonly data: object;
  readonly metadata: EventMetadata;
}

export function recordOf({ position, stream, version, id, schemaVersion, ...rest }: RecordedEvent): EventRecord {
  const { type, ...data } = rest.event;
  return {
    position: Number(position),
    stream,
    category: categoryOf(stream),
    version,
    id,
    type,
    schema_version: schemaVersion,
    recorded_at: rest.recordedAt,
    data,
    metadata: rest.metadata,
  };
}

/** One line of NDJSON. */
export function lineOf(value: EventRecord | JsonObject): string {
  return `${JSON.stringify(value)}\n`;
}
