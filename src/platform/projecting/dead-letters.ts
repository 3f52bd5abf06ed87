import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Failure } from './failure.js';
import type { Querying } from './read-rows.js';

/**
 * Events that a live projection could not take.
 *
 *   poisoned   its fold threw, or its rows could not be written; the projection went on without it
 *   waiting    came after a poisoned event of the same key: applying it first could make the rows wrong for good
 *   retrying   somebody asked for another attempt; the projection's owner makes it, then those that wait behind it
 *   skipping   somebody decided to do without it; the owner lets go of it, then tries those that wait behind it
 *   resolved   applied after all
 *   skipped    will never be applied to this build; stored as resolved, with the time at which it was let go
 *
 * A decision to skip is about what readers see. A rebuild makes its own attempt, because its fold may be a better one: if that
 * takes the event, the rows differ from the live ones, which the proof before the switch shows; if it still cannot, what
 * was decided about the live build holds for the new one, and the letter goes with it.
 *
 * Only the owner of a projection applies letters or lets go of them: everything it knows about its rows, and about which keys
 * are held up, stays true because nobody else writes. An attempt that was under way when somebody decided to skip either
 * succeeds, and then the letter is resolved and not skipped, or it fails and the letter is let go: never both.
 */
export class DeadLetters {
  constructor(private readonly database: { readonly pool: Querying }) {}

  /** Of a build, in log order. */
  async unresolved(build: string): Promise<readonly DeadLetter[]> {
    const { rows } = await this.database.pool.query(
      `${select} where build = $1 and state <> 'resolved' order by position`,
      [build],
    );
    return Letters.parse(rows);
  }

  /** Of builds that are still written, unless one with a decision of a person is asked for by its state. */
  async list(projection?: string, state?: LetterState): Promise<readonly DeadLetter[]> {
    const { rows } = await this.database.pool.query(
      `${select} where ($1::text is null or projection = $1)
         and (case when $2::text is null then state <> 'resolved' else ${shownState} = $2 end)
         and build in (select build from projecting.builds where state <> 'retired')
       order by projection, position limit 1000`,
      [projection, state],
    );
    return Letters.parse(rows);
  }

  async find(id: string): Promise<DeadLetter | undefined> {
    const { rows } = await this.database.pool.query(`${select} where id = $1`, [id]);
    return Letters.parse(rows)[0];
  }

  /** What a person decided about this event for the build that readers see: to do without it. */
  async decided(projection: string, position: bigint): Promise<DeadLetter | undefined> {
    const { rows } = await this.database.pool.query(
      `${select} where skipped_at is not null and position = $2
         and build = (select build from projecting.active where projection = $1)`,
      [projection, position],
    );
    return Letters.parse(rows)[0];
  }

  /** Unresolved ones, by projection, of builds that are still written. */
  async count(): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.database.pool.query(
      `select projection, count(*)::integer as letters from projecting.dead_letters
       where state <> 'resolved' and build in (select build from projecting.builds where state <> 'retired')
       group by projection`,
    );
    return new Map(Counts.parse(rows).map(({ projection, letters }) => [projection, letters]));
  }

  /** Asks the owner to try again, and waits for what becomes of it. */
  async retry(id: string, waitMs: number): Promise<LetterOutcome> {
    const asked = await this.database.pool.query(
      `update projecting.dead_letters set state = 'retrying' where id = $1 and state = 'poisoned' returning id`,
      [id],
    );
    return this.outcome(id, waitMs, asked.rowCount === 1);
  }

  /** Asks the owner to go on without it for good, and waits until it does. */
  async skip(id: string, { by, reason }: Decision, waitMs: number): Promise<LetterOutcome> {
    const asked = await this.database.pool.query(
      `update projecting.dead_letters set state = 'skipping', skip_by = $2, skip_reason = $3
       where id = $1 and state in ('poisoned', 'retrying') returning id`,
      [id, by, reason],
    );
    return this.outcome(id, waitMs, asked.rowCount === 1);
  }

  private async outcome(id: string, waitMs: number, asked: boolean): Promise<LetterOutcome> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const state = await this.stateOf(id);
      if (state === undefined) return 'unknown';
      if (state === 'resolved' || state === 'skipped') return state;
      if (state === 'waiting') return 'waits-behind-another';
      if (state === 'poisoned' && asked) return 'failed-again';
      if (performance.now() >= deadline) return 'not-yet-tried';
      await sleep(50);
    }
  }

  /** Which of a build's letters somebody wants tried again, or let go. */
  async requested(build: string): Promise<readonly DeadLetter[]> {
    const { rows } = await this.database.pool.query(
      `${select} where build = $1 and state in ('retrying', 'skipping') order by position`,
      [build],
    );
    return Letters.parse(rows);
  }

  /** Another attempt failed. Only the current owner may say so. */
  async failedAgain(build: string, epoch: number, position: bigint, { error, message }: Failure): Promise<void> {
    await this.database.pool.query(
      `update projecting.dead_letters as d
       set state = case d.state when 'skipping' then 'skipping' else 'poisoned' end,
         attempts = attempts + 1, error = $4, message = $5, last_at = clock_timestamp()
       from projecting.builds as b
       where b.build = $1 and b.epoch = $2 and d.build = b.build and d.position = $3 and d.state <> 'resolved'`,
      [build, epoch, position, error, message],
    );
  }

  /** The owner lets go of it. Only the current owner may. */
  async skipped(build: string, epoch: number, position: bigint): Promise<void> {
    await this.database.pool.query(
      `update projecting.dead_letters as d set state = 'resolved', skipped_at = clock_timestamp()
       from projecting.builds as b
       where b.build = $1 and b.epoch = $2 and d.build = b.build and d.position = $3 and d.state = 'skipping'`,
      [build, epoch, position],
    );
  }

  private async stateOf(id: string): Promise<LetterState | undefined> {
    const { rows } = await this.database.pool.query(
      `select ${shownState} as state from projecting.dead_letters where id = $1`,
      [id],
    );
    return States.parse(rows)[0]?.state;
  }
}

export type LetterOutcome =
  'resolved' | 'skipped' | 'failed-again' | 'waits-behind-another' | 'not-yet-tried' | 'unknown';

/** Who decided to do without an event, and why. */
export interface Decision {
  readonly by: string;
  readonly reason: string;
}

export const LetterState = z.enum(['poisoned', 'waiting', 'retrying', 'skipping', 'resolved', 'skipped']);
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
  /** How many of the same key wait until it is resolved. */
  behind: z.number(),
  skipBy: z.string().nullable(),
  skipReason: z.string().nullable(),
  skippedAt: z.date().nullable(),
});
export type DeadLetter = Readonly<z.infer<typeof Letter>>;
const Letters = z.array(Letter);
const Counts = z.array(z.object({ projection: z.string(), letters: z.number() }));
const States = z.array(z.object({ state: LetterState }));

const shownState = `case when skipped_at is null then state else 'skipped' end`;

const select = `
  select id, projection, version, position, event_id as "eventId", stream, key, type, ${shownState} as state, error, message,
         attempts, first_at as "firstAt", last_at as "lastAt",
         skip_by as "skipBy", skip_reason as "skipReason", skipped_at as "skippedAt",
         case when state in ('waiting', 'resolved') then 0 else (
           select count(*)::integer from projecting.dead_letters as w
           where w.build = l.build and w.key = l.key and w.state = 'waiting' and w.position > l.position
         ) end as behind
  from projecting.dead_letters as l`;

/** A letter as the batch statement writes it. */
export interface NewLetter {
  readonly position: bigint;
  readonly event_id: string;
  readonly stream: string;
  readonly key: string;
  readonly type: string;
  readonly state: 'poisoned' | 'waiting' | 'resolved';
  readonly error: string | null;
  readonly message: string | null;
  /** Somebody has decided about it already. */
  readonly skipped?: Decision;
}
