import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Database } from '../database/database.js';
import type { RecordedEvent } from '../event-store/event-store.js';
import type { Decision } from '../projecting/dead-letters.js';
import type { Failure } from '../projecting/failure.js';
import { query } from './query.js';

/**
 * Events that a process could not react to.
 *
 *   poisoned   its reaction failed too often; the process went on without it
 *   waiting    came after a poisoned event of the same stream
 *   retrying   somebody asked for another attempt; the process makes it, then those that wait behind it
 *
 * A letter is gone once its reaction succeeded, or once somebody decided to do without it; that decision is kept. A reaction
 * that is under way when the decision is made may still do what it does: reactions happen at least once, and are idempotent.
 */
@Injectable()
export class DeadLetters {
  constructor(@Inject(Database) private readonly database: Pick<Database, 'pool'>) {}

  async list(process?: string): Promise<readonly DeadLetter[]> {
    return query(
      this.database,
      DeadLetter,
      `${select} where $1::text is null or process = $1 order by process, position limit 1000`,
      [process],
    );
  }

  async find(process: string, position: bigint): Promise<DeadLetter | undefined> {
    const [letter] = await query(this.database, DeadLetter, `${select} where process = $1 and position = $2`, [
      process,
      position,
    ]);
    return letter;
  }

  /** What somebody decided to do without. */
  async skipped(process?: string): Promise<readonly SkippedEvent[]> {
    return query(
      this.database,
      SkippedEvent,
      `select process, position, stream, event_id as "eventId", type, error, message, reason, skipped_by as "skippedBy",
         skipped_at as "skippedAt"
       from reacting.skipped_events where $1::text is null or process = $1 order by process, position limit 1000`,
      [process],
    );
  }

  /** Asks the process to try again. False if there is no such letter, or if it waits behind another one. */
  async retry(process: string, position: bigint): Promise<boolean> {
    const asked = await query(
      this.database,
      Stream,
      `update reacting.dead_letters set state = 'retrying' where process = $1 and position = $2 and state <> 'waiting'
       returning stream`,
      [process, position],
    );
    return asked.length > 0;
  }

  /** Goes on without it: what waits behind it is tried. False if there is no such letter, or if it waits behind another one. */
  async skip(process: string, position: bigint, { by, reason }: Decision): Promise<boolean> {
    const skipped = await query(
      this.database,
      Stream,
      `with gone as (
         delete from reacting.dead_letters where process = $1 and position = $2 and state <> 'waiting' returning *
       )
       insert into reacting.skipped_events (process, position, stream, event_id, type, error, message, reason, skipped_by)
       select process, position, stream, event_id, type, error, message, $3, $4 from gone
       on conflict (process, position) do update
       set reason = excluded.reason, skipped_by = excluded.skipped_by, skipped_at = clock_timestamp()
       returning stream`,
      [process, position, reason, by],
    );
    return skipped.length > 0;
  }

  /** Streams with letters, and whether those are to be tried: because somebody asked, or because nothing is left to wait for. */
  async streams(process: string): Promise<readonly { readonly stream: string; readonly wanted: boolean }[]> {
    return query(
      this.database,
      Stream.extend({ wanted: z.boolean() }),
      `select stream, not bool_or(state = 'poisoned') as wanted
       from reacting.dead_letters where process = $1 group by stream`,
      [process],
    );
  }

  async ofStream(process: string, stream: string): Promise<readonly DeadLetter[]> {
    return query(this.database, DeadLetter, `${select} where process = $1 and stream = $2 order by position`, [
      process,
      stream,
    ]);
  }

  async poisoned(process: string, recorded: RecordedEvent, failure: Failure & { attempts: number }): Promise<void> {
    await this.put(process, recorded, { state: 'poisoned', ...failure });
  }

  /** A letter was tried and could not be resolved. False if somebody has decided meanwhile to do without it: that stands. */
  async failedAgain(process: string, position: bigint, { error, message }: Failure): Promise<boolean> {
    const kept = await query(
      this.database,
      Stream,
      `update reacting.dead_letters
       set state = 'poisoned', error = $3, message = $4, attempts = attempts + 1, last_at = clock_timestamp()
       where process = $1 and position = $2 returning stream`,
      [process, position, error, message],
    );
    return kept.length > 0;
  }

  async waiting(process: string, recorded: RecordedEvent): Promise<void> {
    await this.put(process, recorded, { state: 'waiting', error: null, message: null, attempts: 0 });
  }

  async resolved(process: string, position: bigint): Promise<void> {
    await query(this.database, Stream, 'delete from reacting.dead_letters where process = $1 and position = $2', [
      process,
      position,
    ]);
  }

  /** An event that is delivered again after a crash finds its letter there: what is known about it stays. */
  private async put(
    process: string,
    { position, stream, id, event }: RecordedEvent,
    {
      state,
      error,
      message,
      attempts,
    }: { state: string; error: string | null; message: string | null; attempts: number },
  ): Promise<void> {
    await query(
      this.database,
      Stream,
      `insert into reacting.dead_letters as d (process, position, stream, event_id, type, state, error, message, attempts)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
       on conflict (process, position) do update
       set state = excluded.state, error = excluded.error, message = excluded.message,
         attempts = d.attempts + excluded.attempts, last_at = clock_timestamp()
       where excluded.state = 'poisoned'`,
      [process, position, stream, id, event.type, state, error, message, attempts],
    );
  }
}

const select = `
  select process, position, stream, event_id as "eventId", type, state, error, message, attempts,
    first_at as "firstAt", last_at as "lastAt",
    case when state = 'waiting' then 0 else (
      select count(*)::integer from reacting.dead_letters as w
      where w.process = l.process and w.stream = l.stream and w.state = 'waiting' and w.position > l.position
    ) end as behind
  from reacting.dead_letters as l`;

const Stream = z.object({ stream: z.string() });
const DeadLetter = z.object({
  process: z.string(),
  position: z.coerce.bigint(),
  stream: z.string(),
  eventId: z.string(),
  type: z.string(),
  state: z.enum(['poisoned', 'waiting', 'retrying']),
  error: z.string().nullable(),
  message: z.string().nullable(),
  attempts: z.number(),
  firstAt: z.date(),
  lastAt: z.date(),
  /** How many of the same stream wait until it is done. */
  behind: z.number(),
});
export type DeadLetter = z.infer<typeof DeadLetter>;

const SkippedEvent = z.object({
  process: z.string(),
  position: z.coerce.bigint(),
  stream: z.string(),
  eventId: z.string(),
  type: z.string(),
  error: z.string().nullable(),
  message: z.string().nullable(),
  reason: z.string(),
  skippedBy: z.string(),
  skippedAt: z.date(),
});
export type SkippedEvent = z.infer<typeof SkippedEvent>;
