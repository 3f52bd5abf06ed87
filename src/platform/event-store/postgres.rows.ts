import { z } from 'zod';
import type { EventMetadata, StoredEvent } from './event-store.js';

/** The columns of an event, in the order that `storedEvent` takes them apart. Rows come as arrays: fewer names, faster reads. */
export const columns = 'position, stream, version, id, type, schema_version, data, metadata, recorded_at';

/**
 * Rows are trusted: the types of the columns vouch for their shape, and this is the hottest loop of every replay. One
 * checked row at the first read of a process would tell if a driver ever changed its mind.
 */
export function storedEvent(row: readonly unknown[]): StoredEvent {
  if (!shapeKnown) checkShape(row);
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- checked once per process, see above
  const [position, stream, version, id, type, schemaVersion, data, metadata, recordedAt] = row as EventRow;
  return { position: BigInt(position), stream, version, id, type, schemaVersion, data, metadata, recordedAt };
}

/** The driver gives a bigint column as text; a parser that some other library installed may make it a bigint. */
export function positionOf(value: unknown): bigint {
  if (typeof value === 'string' || typeof value === 'bigint') return BigInt(value);
  throw new TypeError(`A position came back as ${typeof value}.`);
}

type EventRow = readonly [
  string | bigint,
  string,
  number,
  string,
  string,
  number,
  StoredEvent['data'],
  EventMetadata,
  Date,
];

const Shape = z.tuple([
  z.union([z.string(), z.bigint()]),
  z.string(),
  z.number(),
  z.string(),
  z.string(),
  z.number(),
  z.json(),
  z.looseObject({ correlationId: z.string() }),
  z.date(),
]);
let shapeKnown = false;

function checkShape(row: readonly unknown[]): void {
  Shape.parse(row);
  shapeKnown = true;
}
