import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { event, type EventFamily, type EventOf } from '../../src/kernel/event-family.js';
import type { Database } from '../../src/platform/database/database.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';
import { Tail } from '../../src/platform/event-store/tail.js';
import { Leases, type LeaseOptions } from '../../src/platform/leasing/lease.js';
import type { WriterHooks } from '../../src/platform/projecting/batch-writer.js';
import { Builds, type Build } from '../../src/platform/projecting/builds.js';
import { DatabaseProgress } from '../../src/platform/projecting/database-progress.js';
import { DeadLetters } from '../../src/platform/projecting/dead-letters.js';
import { ProjectionEngine } from '../../src/platform/projecting/engine.js';
import { ProjectionLag } from '../../src/platform/projecting/lag.js';
import { ProgressBoard } from '../../src/platform/projecting/progress-board.js';
import { projection, type Projection } from '../../src/platform/projecting/projection.js';
import { table } from '../../src/platform/projecting/table.js';
import { Rebuilder, rebuildsLease, type RebuilderParts } from '../../src/platform/rebuilding/rebuilder.js';
import { RebuildOrders } from '../../src/platform/rebuilding/rebuild-orders.js';
import { Rebuilds } from '../../src/platform/rebuilding/rebuilds.js';

/** The smallest domain that can be miscounted: people press buttons. */
export const presses = {
  Pressed: event(z.object({ button: z.string(), times: z.int() })),
  Released: event(z.object({ button: z.string() })),
} satisfies EventFamily;

export const pressTable = (name: string) =>
  table({ name, columns: { button: 'text', presses: 'integer', batches: 'integer' }, key: ['button'] });

/** How often each button was pressed. Nothing in it is idempotent: an event applied twice or not at all shows. */
export const pressCounts = projection<typeof presses>()({
  name: 'press_counts',
  version: 1,
  tables: { counts: pressTable('press_counts') },
  when: {
    Pressed: ({ button, times }, rows) => {
      if (times < 0) throw new RangeError(`nobody presses "${button}" ${String(times)} times`);
      rows.counts.add({ button }, { presses: times });
    },
  },
});

/** Takes only events that hardly ever happen. */
export const releaseCounts = projection<typeof presses>()({
  name: 'release_counts',
  version: 1,
  tables: { counts: pressTable('release_counts') },
  when: {
    Released: ({ button }, rows) => {
      rows.counts.add({ button }, { presses: 1 });
    },
  },
});

export interface Worker {
  readonly store: PostgresEventStore;
  readonly board: ProgressBoard;
  readonly progress: DatabaseProgress;
  readonly lag: ProjectionLag;
  readonly letters: DeadLetters;
  readonly orders: RebuildOrders;
  readonly rebuilds: Rebuilds;
  readonly failures: readonly unknown[];
  /** Another one, to be run under a lease that a test makes up. */
  rebuilderOf(parts: Rebuilding): Rebuilder;
  press(button: string, ...times: readonly number[]): Promise<bigint>;
  release(button: string): Promise<bigint>;
  stop(): Promise<void>;
}

type Rebuilding = Pick<Partial<RebuilderParts>, 'graceMs' | 'hooks' | 'onNews' | 'pollMs'>;

export interface WorkerOptions {
  readonly projections?: readonly Projection[];
  readonly hooks?: WriterHooks;
  readonly lettersMax?: number;
  readonly leases?: LeaseOptions;
  readonly codec?: EventCodec;
  /** False: somebody else carries rebuilds out. */
  readonly rebuilding?: Rebuilding | false;
}

/** A worker as the program composes it, in this process. */
export async function aWorker(database: Database, options: WorkerOptions = {}): Promise<Worker> {
  const { projections = [pressCounts, releaseCounts], hooks = {}, lettersMax = 1_000, rebuilding = {} } = options;
  const codec = options.codec ?? new EventCodec([presses]);
  const store = new PostgresEventStore(database, codec, {
    eventBytesMax: 1_000_000,
    appendEventsMax: 10_000,
    appendQueueMax: 10_000,
  });
  const tail = new Tail(store);
  const board = new ProgressBoard();
  const leases = new Leases(database, randomUUID(), { leaseMs: 900, tickMs: 150, ...options.leases });
  const failures: unknown[] = [];
  const onFailure = (_: string, error: unknown): void => {
    failures.push(error);
  };
  const rebuilds = new Rebuilds(database);
  const engine = new ProjectionEngine(projections, {
    database,
    store,
    tail,
    leases,
    board,
    hooks,
    lettersMax,
    onFailure,
    onNewVersion: (projection) => rebuilds.addVersion(projection, { switches: true }),
  });
  await engine.start();
  const rebuilderOf = (more: Rebuilding): Rebuilder =>
    new Rebuilder(projections, {
      database,
      store,
      codec,
      rebuilds,
      graceMs: 60_000,
      pollMs: 20,
      onFailure: (error) => void failures.push(error),
      ...more,
    });
  if (rebuilding !== false) leases.hold(rebuildsLease, (lease) => rebuilderOf(rebuilding).run(lease));
  const letters = new DeadLetters(database);
  const append = async (stream: string, events: readonly { readonly type: string }[]): Promise<bigint> => {
    const metadata = { correlationId: 'test' };
    return (await store.append({ writes: [{ stream, expected: 'any', events }], metadata })).position;
  };
  return {
    store,
    board,
    letters,
    rebuilds,
    rebuilderOf,
    orders: new RebuildOrders(projections, {
      builds: new Builds(database),
      rebuilds,
      planning: { database, store, codec },
    }),
    failures,
    progress: new DatabaseProgress(database, board),
    lag: new ProjectionLag(projections, { store, builds: new Builds(database), letters, board, rebuilds }),
    press: (button, ...times) =>
      append(
        `button-${button}`,
        (times.length === 0 ? [1] : times).map((each) => pressed(button, each)),
      ),
    release: (button) => append(`button-${button}`, [released(button)]),
    stop: async () => {
      await engine.stop();
      await leases.close();
      await tail.close();
      await store.close();
    },
  };
}

function pressed(button: string, times: number): EventOf<typeof presses> {
  return { type: 'Pressed', button, times };
}

function released(button: string): EventOf<typeof presses> {
  return { type: 'Released', button };
}

/** What the table says, by button. */
export async function counted(
  database: Database,
  view = 'read.press_counts',
): Promise<Readonly<Record<string, number>>> {
  const { rows } = await database.pool.query(`select button, presses from ${view} order by button`);
  return Object.fromEntries(Counts.parse(rows).map(({ button, presses: times }) => [button, times]));
}

/** What the log says: a recount that shares no code with projecting. */
export async function recounted(database: Database): Promise<Readonly<Record<string, number>>> {
  const { rows } = await database.pool.query(
    `select data ->> 'button' as button, sum((data ->> 'times')::integer)::integer as presses
     from log.events where type = 'Pressed' group by 1 order by 1`,
  );
  return Object.fromEntries(Counts.parse(rows).map(({ button, presses: times }) => [button, times]));
}

const Counts = z.array(z.object({ button: z.string(), presses: z.number() }));

export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error('It did not become so.');
    await sleep(20);
  }
}

export async function theLiveBuild(database: Database, projection: Projection): Promise<Build> {
  const { live } = await new Builds(database).open(projection);
  if (live === undefined) throw new Error('Another version is live.');
  return live;
}
