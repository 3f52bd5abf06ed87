import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { timeOrderedBytes } from './time-ordered.js';

/** A new id of a kind. It begins with the time, so that ids made near each other lie near each other in an index. */
export function newUid<Kind extends z.ZodType>(prefix: string, kind: Kind): z.output<Kind> {
  return uidFrom(prefix, kind, timeOrderedBytes());
}

/** The same id for the same source: for whoever may be interrupted and do the same again. */
export function derivedUid<Kind extends z.ZodType>(prefix: string, kind: Kind, source: string): z.output<Kind> {
  return uidFrom(prefix, kind, createHash('sha256').update(`${prefix} ${source}`).digest().subarray(0, 16));
}

function uidFrom<Kind extends z.ZodType>(prefix: string, kind: Kind, bytes: Uint8Array): z.output<Kind> {
  return kind.parse(`oseh_${prefix}_${Buffer.from(bytes).toString('base64url')}`);
}
