import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Cause } from '../deciding/stream-command.js';
import { Database } from '../database/database.js';
import type { Failure } from '../projecting/failure.js';
import { query } from './query.js';

/**
 * Commands that wait for their time, one per process and key.
 *
 *   set         will be sent when it is due; `sendAt` moves it, `cancel` ends it
 *   fired       was sent, and done or refused
 *   cancelled   will not be sent; also the trace of a cancel that came before what it cancels
 *
 * Events are delivered again after a crash, and those of different streams in no order. So each change says which event it is
 * due to (its position, and its step within the reaction), and a change that is due to an earlier event than the last one
 * does nothing: what was fired or cancelled is not set again by an event that comes a second time. That is why fired and
 * cancelled ones stay, until no such event can come any more.
 */
@Injectable()
export class Deadlines {
  private readonly listeners = new Set<() => void>();

  constructor(@Inject(Database) private readonly database: Pick<Database, 'pool'>) {}

  /** Only the current owner of the process has a say. */
  async set(by: DueTo, { key, dueAt, category, id, payload, cause }: NewDeadline): Promise<void> {
    await query(
      this.database,
      z.unknown(),
      `insert into reacting.deadlines as d (process, position, step, key, state, due_at, try_at, category, id, payload, cause)
       select process, $3, $4, $5, 'set', $6, $6, $7, $8, $9, $10
       from reacting.checkpoints where process = $1 and epoch = $2
       on conflict (process, key) do update
       set position = excluded.position, step = excluded.step, state = 'set', due_at = excluded.due_at,
         try_at = excluded.try_at, category = excluded.category, id = excluded.id, payload = excluded.payload,
         cause = excluded.cause, attempts = 0, error = null, message = null
       where (d.position, d.step) < (excluded.position, excluded.step)`,
      [
        ...[by.process, by.epoch, by.position, by.step],
        ...[key, dueAt, category, id, JSON.stringify(payload), JSON.stringify(cause)],
      ],
    );
    for (const listener of this.listeners) listener();
  }

  async cancel(by: DueTo, key: string): Promise<void> {
    await query(
      this.database,
      z.unknown(),
      `insert into reacting.deadlines as d (process, position, step, key, state)
       select process, $3, $4, $5, 'cancelled' from reacting.checkpoints where process = $1 and epoch = $2
       on conflict (process, key) do update
       set position = excluded.position, step = excluded.step, state = 'cancelled', payload = null, cause = null
       where (d.position, d.step) < (excluded.position, excluded.step)`,
      [by.process, by.epoch, by.position, by.step, key],
    );
  }

  /** In the order they are to be sent, by the database's clock. */
  async due(limit: number): Promise<readonly Deadline[]> {
    return query(
      this.database,
      Deadline,
      `select process, key, position, step, due_at as "dueAt", category, id, payload, cause, attempts
       from reacting.deadlines where state = 'set' and try_at <= clock_timestamp() order by try_at, position limit $1`,
      [limit],
    );
  }

  /** How long until the next one is due; undefined if none is set. */
  async nextInMs(): Promise<number | undefined> {
    const [next] = await query(
      this.database,
      z.object({ ms: z.coerce.number() }),
      `select extract(epoch from try_at - clock_timestamp()) * 1000 as ms
       from reacting.deadlines where state = 'set' order by try_at limit 1`,
      [],
    );
    return next && Math.max(0, next.ms);
  }

  /** One that was moved while it was being sent stays set. What it said is no longer needed, so it is not kept. */
  async fired(deadlines: readonly Deadline[]): Promise<void> {
    if (deadlines.length === 0) return;
    await query(
      this.database,
      z.unknown(),
      `update reacting.deadlines as d set state = 'fired', payload = null, cause = null
       from unnest($1::text[], $2::text[], $3::bigint[], $4::integer[]) as f (process, key, position, step)
       where d.process = f.process and d.key = f.key and d.position = f.position and d.step = f.step and d.state = 'set'`,
      [
        deadlines.map(({ process }) => process),
        deadlines.map(({ key }) => key),
        deadlines.map(({ position }) => position),
        deadlines.map(({ step }) => step),
      ],
    );
  }

  async failed(
    { process, key, position, step }: Deadline,
    { error, message }: Failure,
    againInMs: number,
  ): Promise<void> {
    await query(
      this.database,
      z.unknown(),
      `update reacting.deadlines set try_at = clock_timestamp() + $5 * interval '1 ms', attempts = attempts + 1,
         error = $6, message = $7
       where process = $1 and key = $2 and position = $3 and step = $4 and state = 'set'`,
      [process, key, position, step, againInMs, error, message],
    );
  }

  /** Forgets what is over and out of reach of every event that may still be delivered: from the checkpoint, or from a dead letter. */
  async forgetPast(): Promise<number> {
    const forgotten = await query(
      this.database,
      z.unknown(),
      `delete from reacting.deadlines as d using reacting.checkpoints as c
       where c.process = d.process and d.state <> 'set' and d.position <= c.position
         and not exists (
           select from reacting.dead_letters as l where l.process = d.process and l.position <= d.position
         )
       returning true`,
      [],
    );
    return forgotten.length;
  }

  /** Tells the clock of this process that something may be due earlier than it thinks. Other processes' clocks poll. */
  onSet(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** Which event has this say, under which lease. */
export interface DueTo {
  readonly process: string;
  readonly epoch: number;
  readonly position: bigint;
  readonly step: number;
}

export interface NewDeadline {
  readonly key: string;
  readonly dueAt: Date;
  readonly category: string;
  readonly id: string;
  readonly payload: { readonly type: string };
  readonly cause: Cause & { readonly commandId: string };
}

/** The type says which command it is; the rest is the model's own, and comes back as it was given. */
const Payload = z.looseObject({ type: z.string() });
const StoredCause = z.object({
  correlationId: z.string(),
  commandId: z.string(),
  fingerprint: z.string(),
  causationId: z.string(),
  trace: z.string().exactOptional(),
});
const Deadline = z.object({
  process: z.string(),
  key: z.string(),
  position: z.coerce.bigint(),
  step: z.number(),
  dueAt: z.date(),
  category: z.string(),
  id: z.string(),
  payload: Payload,
  cause: StoredCause,
  attempts: z.number(),
});
export type Deadline = z.infer<typeof Deadline>;
