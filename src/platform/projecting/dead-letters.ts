import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Database } from '../database/database.js';
import type { Failure } from './failure.js';

/**
 * Events that a live projection could not take.
 *
 *   poisoned   its fold threw, or its rows could not be written; the projection went on without it
 *   waiting    came after a poisoned event of the same key: applying it first could make the rows wrong for good
 *   retrying   somebody asked for another attempt; the projection's owner makes it, then those that wait behind it
 *   resolved   applied after all
 *
 * Only the owner of a projection applies letters: everything it knows about its rows stays true because nobody else writes.
 */
export class DeadLetters {
  constructor(private readonly database: Pick<Database, 'pool'>) {}

  /** Of a build, in log order. */
  async unresolved(build: string): Promise<readonly DeadLetter[]> {
    const { rows } = await this.database.pool.query(
      `${select} where build = $1 and state <> 'resolved' order by position`,
      [build],
    );
    return Letters.parse(rows);
  }

  async list(projection?: string): Promise<readonly DeadLetter[]> {
    const { rows } = await this.database.pool.query(
      `${select} where state <> 'resolved' and ($1::text is null or projection = $1) order by projection, position limit 1000`,
      [projection],
    );
    return Letters.parse(rows);
  }

  /** Unresolved ones, by projection. */
  async count(): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.database.pool.query(
      `select projection, count(*)::integer as letters from projecting.dead_letters where state <> 'resolved' group by projection`,
    );
    return new Map(Counts.parse(rows).map(({ projection, letters }) => [projection, letters]));
  }

  /** Asks the owner to try again, and waits for what becomes of it. */
  async retry(id: string, waitMs: number): Promise<RetryOutcome> {
    const asked = await this.database.pool.query(
      `update projecting.dead_letters set state = 'retrying' where id = $1 and state = 'poisoned' returning id`,
      [id],
    );
    const deadline = performance.now() + waitMs;
    for (;;) {
      const state = await this.stateOf(id);
      if (state === undefined) return 'unknown';
      if (state === 'resolved') return 'resolved';
      if (state === 'waiting') return 'waits-behind-another';
      if (state === 'poisoned' && asked.rowCount === 1) return 'failed-again';
      if (performance.now() >= deadline) return 'not-yet-tried';
      await sleep(50);
    }
  }

  /** Which of a build's letters somebody wants tried again. */
  async requested(build: string): Promise<readonly DeadLetter[]> {
    const { rows } = await this.database.pool.query(
      `${select} where build = $1 and state = 'retrying' order by position`,
      [build],
    );
    return Letters.parse(rows);
  }

  /** Another attempt failed. Only the current owner may say so. */
  async failedAgain(build: string, epoch: number, position: bigint, { error, message }: Failure): Promise<void> {
    await this.database.pool.query(
      `update projecting.dead_letters as d
       set state = 'poisoned', attempts = attempts + 1, error = $4, message = $5, last_at = clock_timestamp()
       from projecting.builds as b
       where b.build = $1 and b.epoch = $2 and d.build = b.build and d.position = $3 and d.state <> 'resolved'`,
      [build, epoch, position, error, message],
    );
  }

  private async stateOf(id: string): Promise<LetterState | undefined> {
    const { rows } = await this.database.pool.query(`select state from projecting.dead_letters where id = $1`, [id]);
    return States.parse(rows)[0]?.state;
  }
}

export type RetryOutcome = 'resolved' | 'failed-again' | 'waits-behind-another' | 'not-yet-tried' | 'unknown';

const LetterState = z.enum(['poisoned', 'waiting', 'retrying', 'resolved']);
export type LetterState = z.infer<typeof LetterState>;

const Letter = z.object({
  id: z.string(),
  projection: z.string(),
  version: z.number(),
  position: z.coerce.bigint(),
  eventId: z.string(),
  stream: z.string(),
  key: z.string(),
  type: z.string(),
  state: LetterState,
  error: z.string().nullable(),
  message: z.string().nullable(),
  attempts: z.number(),
  firstAt: z.date(),
  lastAt: z.date(),
});
export type DeadLetter = Readonly<z.infer<typeof Letter>>;
const Letters = z.array(Letter);
const Counts = z.array(z.object({ projection: z.string(), letters: z.number() }));
const States = z.array(z.object({ state: LetterState }));

const select = `
  select id, projection, version, position, event_id as "eventId", stream, key, type, state, error, message, attempts,
         first_at as "firstAt", last_at as "lastAt"
  from projecting.dead_letters`;

/** A letter as the batch statement writes it. */
export interface NewLetter {
  readonly position: bigint;
  readonly event_id: string;
  readonly stream: string;
  readonly key: string;
  readonly type: string;
  readonly state: 'poisoned' | 'waiting';
  readonly error: string | null;
  readonly message: string | null;
}
