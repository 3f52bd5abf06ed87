import { z } from 'zod';
import type { EventStore } from '../event-store/event-store.js';
import { positionBefore } from '../event-store/position-before.js';
import { TravelRefused } from './refused.js';

/** A point of the log: a position, or what had been recorded by a time. */
export type Moment = { readonly position: bigint } | { readonly time: Date };

export const momentWords =
  'a position, a day such as 2026-03-01 (its first moment, UTC), or a time with its zone such as 2026-03-01T12:00:00Z';

const Time = z.union([z.iso.datetime({ offset: true }), z.iso.date()]).transform((text) => new Date(text));

/** Undefined for what is neither. A time without a zone is another moment on another machine, so it is neither. */
export function momentIn(text: string): Moment | undefined {
  if (/^\d{1,18}$/.test(text)) return { position: BigInt(text) };
  const time = Time.safeParse(text);
  return time.success ? { time: time.data } : undefined;
}

/** Rejects for a position that the log has not come to. */
export async function positionAt(store: EventStore, moment: Moment): Promise<bigint> {
  const head = await store.head();
  // Times are of whole milliseconds: what had been recorded by one was recorded before the next.
  if ('time' in moment) return positionBefore(store, new Date(moment.time.getTime() + 1), head);
  if (moment.position > head) throw new TravelRefused(`The log ends at position ${String(head)}.`);
  return moment.position;
}
