import type pg from 'pg';
import { z } from 'zod';
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
export async function positionAt(pool: pg.Pool, moment: Moment): Promise<bigint> {
  const head = await newestAtOrBefore(pool, positionMax);
  const end = head?.position ?? 0n;
  if ('time' in moment) return lastRecordedBy(pool, moment.time, end);
  if (moment.position > end) throw new TravelRefused(`The log ends at position ${String(end)}.`);
  return moment.position;
}

const positionMax = 2n ** 63n - 1n;

/**
 * Recorded times never go back from one position to the next, so the last event that is not younger is found by halving. It
 * needs no index on the time: each step is a look-up of one position.
 */
async function lastRecordedBy(pool: pg.Pool, time: Date, head: bigint): Promise<bigint> {
  let found = 0n;
  let tooLate = head + 1n;
  while (found + 1n < tooLate) {
    const middle = (found + tooLate) / 2n;
    const event = await newestAtOrBefore(pool, middle);
    // Nothing between what was found and the middle: the log begins later.
    if (event === undefined || event.position <= found || event.recordedAt <= time) found = middle;
    else tooLate = event.position;
  }
  return found;
}

async function newestAtOrBefore(pool: pg.Pool, position: bigint): Promise<z.output<typeof Recorded> | undefined> {
  const text = `select position, recorded_at as "recordedAt" from log.events where position <= $1 order by position desc limit 1`;
  const { rows } = await pool.query(text, [position]);
  return z.array(Recorded).parse(rows)[0];
}

const Recorded = z.object({ position: z.coerce.bigint(), recordedAt: z.date() });
