import pg from 'pg';
import { z } from 'zod';
import { event } from '../../../src/kernel/event-family.js';
import { Database } from '../../../src/platform/database/database.js';
import { EventCodec } from '../../../src/platform/event-store/event-codec.js';
import { CommandReused, VersionConflict } from '../../../src/platform/event-store/errors.js';
import { PostgresEventStore } from '../../../src/platform/event-store/postgres.event-store.js';
import { BatchWriter } from '../../../src/platform/projecting/batch-writer.js';
import { Builds, type Build } from '../../../src/platform/projecting/builds.js';
import { projection } from '../../../src/platform/projecting/projection.js';
import { table } from '../../../src/platform/projecting/table.js';
import type { Stage } from '../../bench/run.js';
import { Dice } from './dice.js';
import type { Seeds } from './hunt.js';
import { Turnstile } from './turnstile.js';

/**
 * The event store and the projection engine as shipped, interleaved on PostgreSQL.
 *
 * Every call and every query of the readers asks for a turn first. What happens inside a statement is held open from within:
 * triggers, which exist only in this run's database, wait at gates before an event is inserted, before an append commits,
 * between a checkpoint and its rows, and before a batch commits. Connections are cut at random, also while they stand there.
 */
export async function interleaveShipped(url: string, seeds: Seeds, stage: Stage): Promise<ShippedFindings> {
  const database = await Database.open({ url, connectionsMax: 4 });
  stage.afterwards(() => database.close());
  await database.migrate();
  const build = await new Builds(database).open(deliveries);
  const arena = await Arena.open(url, build);
  stage.afterwards(() => arena.close());
  const violations: string[] = [];
  for (let nth = 0; nth < seeds.count; nth += 1) {
    stage.signal.throwIfAborted();
    const seed = seeds.first + nth;
    const found = await arena.run(seed);
    violations.push(...found.map((what) => `as shipped, seed ${String(seed)}: ${what}`));
  }
  return { schedules: seeds.count, violations, ...arena.seen };
}

export interface ShippedFindings {
  readonly schedules: number;
  readonly violations: readonly string[];
  readonly deliveries: number;
  readonly cut: number;
  readonly conflicts: number;
  readonly superseded: number;
  readonly held: number;
}

const family = { InterleavedHappened: event(z.strictObject({ command: z.string() })) };
const codec = new EventCodec([family]);
const limits = { eventBytesMax: 10_000, appendEventsMax: 100, appendQueueMax: 100 };

const deliveries = projection<typeof family>()({
  name: 'interleaved',
  version: 1,
  tables: {
    interleaved: table({ name: 'interleaved', columns: { position: 'bigint', times: 'integer' }, key: ['position'] }),
  },
  when: {
    InterleavedHappened: (_event, rows, { position }) => {
      rows.interleaved.add({ position: Number(position) }, { times: 1 });
    },
  },
});

const gates = ['event insert', 'append commit', 'rows after checkpoint', 'batch commit'] as const;
const gateSpace = 7_001;

class Arena {
  readonly seen = { deliveries: 0, cut: 0, conflicts: 0, superseded: 0, held: 0 };
  readonly #stores: PostgresEventStore[] = [];
  readonly #pools: pg.Pool[] = [];
  #epoch = 1;

  private constructor(
    private readonly url: string,
    private readonly control: pg.Client,
    private readonly build: Build,
  ) {}

  static async open(url: string, build: Build): Promise<Arena> {
    const control = new pg.Client({ connectionString: url, application_name: 'interleave control' });
    control.on('error', () => undefined);
    await control.connect();
    await control.query(heldOpen(build.schema));
    const arena = new Arena(url, control, build);
    for (let writer = 0; writer < 3; writer += 1) arena.#stores.push(new PostgresEventStore({ url, pool: arena.#pool() }, codec, limits));
    return arena;
  }

  async run(seed: number): Promise<readonly string[]> {
    const dice = new Dice(seed);
    const turnstile = new Turnstile(() => this.#countWaiting(), dice);
    const notes: Notes = { acknowledged: new Set(), pages: [] };
    const from = await this.#head();
    this.#stores.forEach((store, nth) => {
      turnstile.enter(`w${String(nth)}`, (turn) => this.#write(store, `${String(seed)}w${String(nth)}`, turn, { dice, notes }));
    });
    for (const name of ['o1', 'o2']) turnstile.enter(name, (turn) => this.#advance(turn, { batches: 4, notes, dice }));
    for (let cuts = 2; !turnstile.over; ) {
      const moved = await turnstile.grantOne();
      if (!moved || dice.oneIn(4)) await this.#turnGate(dice, moved);
      if (cuts > 0 && dice.oneIn(30)) {
        cuts -= 1;
        await this.#cutSomebody(dice);
      }
    }
    await this.#openGates();
    await this.#advance(() => Promise.resolve(), { batches: 100, notes, dice, untilQuiet: true });
    return this.#judge(from, notes);
  }

  async close(): Promise<void> {
    await this.#openGates();
    await Promise.all(this.#stores.map((store) => store.close()));
    await Promise.all(this.#pools.map((pool) => pool.end()));
    await this.control.end();
  }

  /** Two rounds of two concurrent appends each, which the store may batch. What fails without an answer is sent again. */
  async #write(store: PostgresEventStore, name: string, turn: Turn, { dice, notes }: { dice: Dice; notes: Notes }): Promise<void> {
    for (const round of ['1', '2']) {
      await turn();
      const wishes = ['a', 'b'].map((nth) => ({ command: `${name}.${round}${nth}`, stream: `interleaved-${name.split('w')[0] ?? ''}${dice.pick(['x', 'y'])}` }));
      await Promise.all(wishes.map((wish) => this.#carryOut(store, wish, notes)));
    }
  }

  async #carryOut(store: PostgresEventStore, { command, stream }: { command: string; stream: string }, notes: Notes): Promise<void> {
    for (let attempt = 0; attempt < 50; attempt += 1) {
      try {
        const { version } = await store.readStream(stream);
        const events = [{ type: 'InterleavedHappened', command } as const];
        await store.append({
          writes: [{ stream, expected: version === 0 ? 'none' : version, events }],
          metadata: { correlationId: command },
          command: { id: command, fingerprint: command },
        });
        notes.acknowledged.add(command);
        return;
      } catch (error) {
        if (error instanceof CommandReused) throw error;
        if (error instanceof VersionConflict) this.seen.conflicts += 1;
      }
    }
    throw new Error(`${command} got no answer in fifty attempts.`);
  }

  /** An owner that takes the build over and advances it, until another does the same. */
  async #advance(turn: Turn, { batches, notes, dice, untilQuiet = false }: { batches: number; notes: Notes; dice: Dice; untilQuiet?: boolean }): Promise<void> {
    const pool = turning(this.#pool(), turn);
    const store = new PostgresEventStore({ url: this.url, pool }, codec, limits);
    const writer = new BatchWriter({ pool }, deliveries);
    const builds = new Builds({ pool });
    let own: Build | undefined;
    for (let batch = 0; batch < batches; batch += 1) {
      try {
        this.#epoch += own === undefined ? 1 : 0;
        own ??= await builds.claim(this.build, this.#epoch);
        if (own === undefined) return;
        const after = own.position;
        const filter = dice.oneIn(2) ? { filter: { types: ['InterleavedHappened'] } } : {};
        const { events, scannedTo } = await store.readAll({ after, limit: 1 + dice.below(4), ...filter });
        notes.pages.push({ after, scannedTo, positions: events.map(({ position }) => position) });
        if (scannedTo === after && untilQuiet) break;
        if (scannedTo === after) continue;
        const written = await writer.write(own, { events, upTo: scannedTo });
        if (!written) this.seen.superseded += 1;
        own = written ? { ...own, position: scannedTo } : undefined;
      } catch {
        // Its connection was cut, and whether the batch was written is unknown: only the checkpoint can tell.
        own = undefined;
      }
    }
    await store.close();
  }

  async #judge(from: bigint, { acknowledged, pages }: Notes): Promise<readonly string[]> {
    const log = LogRows.parse((await this.control.query('select position, stream, version, data from log.events where position > $1 order by position', [from])).rows);
    const times = TimesRows.parse((await this.control.query(`select position, times from "${this.build.schema}".interleaved where position > $1`, [from])).rows);
    this.seen.deliveries += times.length;
    const found: string[] = [];
    const commands = log.map(({ data }) => data.command);
    for (const command of acknowledged) if (!commands.includes(command)) found.push(`lost, ${command} was acknowledged`);
    commands.filter((command, nth) => commands.indexOf(command) !== nth).forEach((command) => found.push(`doubled, ${command} is in the log twice`));
    log.forEach(({ position }, nth) => {
      if (position !== from + BigInt(nth) + 1n) found.push(`gap, before ${String(position)}`);
    });
    for (const rows of byStream(log)) {
      rows.forEach(({ stream, version }, nth) => {
        if (version !== nth + 1) found.push(`reordered, version ${String(version)} of ${stream} is its event number ${String(nth + 1)}`);
      });
    }
    const counted = new Map(times.map((row) => [row.position, row.times]));
    for (const { position } of log) {
      if (counted.get(position) !== 1) found.push(`${(counted.get(position) ?? 0) > 1 ? 'doubled' : 'lost'}, ${String(position)} reached the read model ${String(counted.get(position) ?? 0)} times`);
    }
    for (const { after, scannedTo, positions } of pages) {
      const all = log.map(({ position }) => position).filter((position) => position > after && position <= scannedTo && position > from);
      if (all.join() !== positions.filter((position) => position > from).join()) found.push(`lost, a page after ${String(after)} up to ${String(scannedTo)} held ${positions.join()}`);
    }
    return found;
  }

  #pool(): pg.Pool {
    const pool = new pg.Pool({ connectionString: this.url, max: 2, application_name: 'interleave reader' });
    pool.on('error', () => undefined);
    this.#pools.push(pool);
    return pool;
  }

  /** Closes an open gate or opens a closed one; opens them all when nobody could move otherwise. */
  async #turnGate(dice: Dice, anybodyMoved: boolean): Promise<void> {
    if (!anybodyMoved) {
      this.seen.held += 1;
      return this.#openGates();
    }
    const gate = dice.below(gates.length);
    const { rows } = await this.control.query('select pg_advisory_unlock($1, $2) as opened', [gateSpace, gate]);
    if (!Opened.parse(rows)[0].opened) await this.control.query('select pg_try_advisory_lock($1, $2)', [gateSpace, gate]);
  }

  async #openGates(): Promise<void> {
    await this.control.query('select pg_advisory_unlock_all()');
  }

  async #cutSomebody(dice: Dice): Promise<void> {
    const { rows } = await this.control.query(
      `select pid from pg_stat_activity where datname = current_database() and application_name in ('chorus append', 'interleave reader') order by pid`,
    );
    const pids = z.array(z.object({ pid: z.int() })).parse(rows);
    if (pids.length === 0) return;
    this.seen.cut += 1;
    await this.control.query('select pg_terminate_backend($1, 5000)', [dice.pick(pids).pid]);
  }

  async #countWaiting(): Promise<number> {
    const { rows } = await this.control.query(
      `select count(distinct pid)::int as waiting from pg_locks where not granted and pid <> pg_backend_pid()`,
    );
    return z.tuple([z.object({ waiting: z.int() })]).parse(rows)[0].waiting;
  }

  async #head(): Promise<bigint> {
    const { rows } = await this.control.query('select coalesce(max(position), 0) as head from log.events');
    return z.tuple([z.object({ head: z.coerce.bigint() })]).parse(rows)[0].head;
  }
}

type Turn = () => Promise<void>;

interface Notes {
  readonly acknowledged: Set<string>;
  readonly pages: { readonly after: bigint; readonly scannedTo: bigint; readonly positions: readonly bigint[] }[];
}

const position = z.coerce.bigint();
const LogRow = z.object({ position, stream: z.string(), version: z.int(), data: z.object({ command: z.string() }) });
const LogRows = z.array(LogRow);
const TimesRows = z.array(z.object({ position, times: z.int() }));
const Opened = z.tuple([z.object({ opened: z.boolean() })]);

function byStream(log: z.infer<typeof LogRows>): Iterable<z.infer<typeof LogRows>> {
  const streams = new Map<string, z.infer<typeof LogRows>>();
  for (const row of log) streams.set(row.stream, [...(streams.get(row.stream) ?? []), row]);
  return streams.values();
}

/** The same pool, except that each query asks for a turn. */
function turning(pool: pg.Pool, turn: Turn): pg.Pool {
  return new Proxy(pool, {
    get: (target, property) => {
      if (property !== 'query') return Reflect.get(target, property);
      return async (...given: unknown[]): Promise<unknown> => {
        await turn();
        return Reflect.apply(target.query, target, given);
      };
    },
  });
}

function heldOpen(schema: string): string {
  const gate = (name: (typeof gates)[number]): string => `interleave_gate(${String(gates.indexOf(name))})`;
  return `
    create function interleave_gate() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_xact_lock_shared(${String(gateSpace)}, tg_argv[0]::int);
      return new;
    end
    $$;
    create trigger hold_insert before insert on log.events for each row execute function ${gate('event insert')};
    create constraint trigger hold_commit after insert on log.events deferrable initially deferred
      for each row execute function ${gate('append commit')};
    create trigger hold_rows before insert on "${schema}".interleaved for each row execute function ${gate('rows after checkpoint')};
    create constraint trigger hold_batch after insert on "${schema}".interleaved deferrable initially deferred
      for each row execute function ${gate('batch commit')}`;
}
