import pg from 'pg';
import { z } from 'zod';
import { Database } from '../../../../src/platform/database/database.js';
import { PostgresEventStore } from '../../../../src/platform/event-store/postgres.event-store.js';
import { Builds, type Build } from '../../../../src/platform/projecting/builds.js';
import type { Stage } from '../../../bench/run.js';
import { Dice } from '../dice.js';
import type { Seeds } from '../hunt.js';
import { Owner, ownerConnections, Writer, type Notes } from './actors.js';
import { Gates } from './gates.js';
import { codec, deliveries, limits } from './happened.js';
import { Turnstile } from './turnstile.js';
import { verdict, type Verdict } from './verdict.js';

/**
 * The event store and the projection engine as shipped, interleaved on PostgreSQL.
 *
 * Every append of the writers and every query of the owners asks for a turn first. What happens inside a statement is held open
 * from within, at gates: before an event is inserted, before an append commits, between a checkpoint and its rows, and before a
 * batch commits. Connections are cut at random, also while they stand there.
 */
export async function interleaveShipped(url: string, seeds: Seeds, stage: Stage): Promise<ShippedFindings> {
  const arena = await Arena.open(url, stage);
  const violations: string[] = [];
  for (let seed = seeds.first; seed < seeds.first + seeds.count; seed += 1) {
    stage.signal.throwIfAborted();
    const found = await arena.run(seed);
    violations.push(...found.map((what) => `as shipped, seed ${String(seed)}: ${what}`));
  }
  return { schedules: seeds.count, violations, ...arena.seen };
}

/**
 * The same, after the lock and what would save an append without it were taken from the database: the arena is only worth
 * something if it sees that.
 */
export async function unlockedIsCaught(url: string, seeds: Seeds, stage: Stage): Promise<boolean> {
  const arena = await Arena.open(url, stage);
  await arena.unlockAppends();
  for (let seed = seeds.first; seed < seeds.first + seeds.count; seed += 1) {
    stage.signal.throwIfAborted();
    const found = await arena.run(seed);
    if (found.some((violation) => !violation.startsWith('rejected'))) return true;
  }
  return false;
}

export interface ShippedFindings extends Seen {
  readonly schedules: number;
  readonly violations: readonly string[];
}

interface Seen {
  deliveries: number;
  cut: number;
  conflicts: number;
  superseded: number;
  /** How often everybody stood at a gate or waited for somebody who did. */
  heldOpen: number;
}

const writers = ['w1', 'w2', 'w3'];
const cutsMax = 2;

class Arena {
  readonly seen: Seen = { deliveries: 0, cut: 0, conflicts: 0, superseded: 0, heldOpen: 0 };
  #epoch = 0;

  private constructor(
    private readonly url: string,
    private readonly control: pg.Client,
    private readonly build: Build,
    private readonly stores: readonly PostgresEventStore[],
  ) {}

  static async open(url: string, stage: Stage): Promise<Arena> {
    const database = await Database.open({ url, connectionsMax: 6 });
    stage.afterwards(() => database.close());
    await database.migrate();
    const { live: build } = await new Builds(database).open(deliveries);
    if (build === undefined) throw new Error('A fresh database has no other build.');
    const control = new pg.Client({ connectionString: url });
    control.on('error', () => undefined);
    await control.connect();
    stage.afterwards(() => control.end());
    await Gates.install(control, build.schema);
    const stores = writers.map(() => new PostgresEventStore(database, codec, limits));
    stage.afterwards(() => Promise.all(stores.map((store) => store.close())));
    // A writer that still stands at a gate could not close.
    stage.afterwards(() => control.query('select pg_advisory_unlock_all()'));
    return new Arena(url, control, build, stores);
  }

  async run(seed: number): Promise<readonly string[]> {
    const dice = new Dice(seed);
    const notes: Notes = { acknowledged: new Set(), pages: [], conflicts: 0, rejected: 0, superseded: 0 };
    const from = await this.#head();
    await this.#playOut(seed, notes, dice);
    // Nobody else is left; whatever the read model lacks now, it would lack for ever.
    await this.#owner(notes, dice, () => Promise.resolve()).advance({ batches: 100, untilQuiet: true });
    const found = await verdict(this.control, { from, buildSchema: this.build.schema, notes });
    this.#sum(found, notes);
    return found.violations;
  }

  async unlockAppends(): Promise<void> {
    await this.control.query(`
      alter table log.events drop constraint events_pkey;
      do $$
      declare
        definition text;
      begin
        for definition in
          select pg_get_functiondef(oid) from pg_proc where pronamespace = 'log'::regnamespace and proname like 'append%'
        loop
          execute regexp_replace(definition, 'perform pg_advisory_xact_lock\\(\\d+\\)', 'perform 1');
        end loop;
      end
      $$`);
  }

  async #playOut(seed: number, notes: Notes, dice: Dice): Promise<void> {
    const gates = Gates.of(this.control, dice);
    const turnstile = new Turnstile(() => this.#countWaiting(), dice);
    for (const [nth, store] of this.stores.entries()) {
      const writer = new Writer(store, notes, dice);
      const name = `w${String(nth)}`;
      turnstile.enter(name, (turn) => writer.write(String(seed), name, turn));
    }
    for (const name of ['o1', 'o2']) {
      turnstile.enter(name, (turn) => this.#owner(notes, dice, turn).advance({ batches: 4, untilQuiet: false }));
    }
    let cuts = cutsMax;
    while (!turnstile.over) {
      const moved = await turnstile.grantOne();
      if (!moved) this.seen.heldOpen += 1;
      if (!moved) await gates.openAll();
      else if (dice.oneIn(4)) await gates.turnOne();
      if (cuts > 0 && dice.oneIn(30)) {
        cuts -= 1;
        await this.#cutSomebody(dice);
      }
    }
    await gates.openAll();
  }

  #owner(notes: Notes, dice: Dice, turn: () => Promise<void>): Owner {
    const nextEpoch = (): number => (this.#epoch += 1);
    return new Owner({ url: this.url, build: this.build, nextEpoch, notes, dice }, turn);
  }

  #sum({ deliveries }: Verdict, { conflicts, superseded }: Notes): void {
    this.seen.deliveries += deliveries;
    this.seen.conflicts += conflicts;
    this.seen.superseded += superseded;
  }

  async #cutSomebody(dice: Dice): Promise<void> {
    const { rows } = await this.control.query(
      `select pid from pg_stat_activity
       where datname = current_database() and application_name in ('chorus append', $1) order by pid`,
      [ownerConnections],
    );
    const connections = z.array(z.object({ pid: z.int() })).parse(rows);
    if (connections.length === 0) return;
    this.seen.cut += 1;
    await this.control.query('select pg_terminate_backend($1, 5000)', [dice.pick(connections).pid]);
  }

  async #countWaiting(): Promise<number> {
    const { rows } = await this.control.query(
      'select count(distinct pid)::int as waiting from pg_locks where not granted and pid <> pg_backend_pid()',
    );
    return z.tuple([z.object({ waiting: z.int() })]).parse(rows)[0].waiting;
  }

  async #head(): Promise<bigint> {
    const { rows } = await this.control.query('select coalesce(max(position), 0) as head from log.events');
    return z.tuple([z.object({ head: z.coerce.bigint() })]).parse(rows)[0].head;
  }
}
