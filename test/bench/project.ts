import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { event, type EventOf } from '../../src/kernel/event-family.js';
import type { Database } from '../../src/platform/database/database.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';
import { Tail } from '../../src/platform/event-store/tail.js';
import { Leases } from '../../src/platform/leasing/lease.js';
import { DatabaseProgress } from '../../src/platform/projecting/database-progress.js';
import { ProjectionEngine } from '../../src/platform/projecting/engine.js';
import { ProgressBoard } from '../../src/platform/projecting/progress-board.js';
import { projection, type Projection } from '../../src/platform/projecting/projection.js';
import { table } from '../../src/platform/projecting/table.js';
import { aServer } from './a-server.js';
import { alternate, median, percentile, rounded } from './rounds.js';
import { atLeast, atMost, type Run, type Stage } from './run.js';

/**
 * How fast a live projection follows the log, with the real engine, tail and store.
 *
 * The fold changes one row per event: a counter per stream, over twenty thousand streams. It goes through the log in the same
 * batches and statements as it would when events trickle in, checkpoint and all; the other side takes the same batches from the
 * same tail and does nothing with them. Then, with a few hundred appends a second, how long it takes from the start of an append
 * until a reader who waits for its position may read the row.
 */
export const project: Run<'rounds' | 'events' | 'appends'> = {
  name: 'project',
  describe: 'Live projection of a single-row fold, against reading the same events without projecting.',
  options: {
    rounds: { default: 5, describe: 'how often the sides take turns' },
    events: { default: 200_000, describe: 'events in the log' },
    appends: { default: 2_000, describe: 'appends whose way to the reader is timed' },
  },
  secondsMax: ({ rounds, events, appends }) => 60 + ((rounds + 2) * events) / 10_000 + appends / 50,
  targets: [atLeast('ratio', 0.3), atMost('visible_p50_ms', 5), atMost('visible_p99_ms', 20)],
  run: async ({ rounds, events, appends }, stage) => {
    const { database } = await aServer(stage);
    const store = aStore(database, stage);
    stage.say(`Appending ${String(events)} events`);
    await fill(store, events);
    const head = await store.head();

    let nth = 0;
    const measured = await alternate(
      {
        projecting: () => projecting({ database, store }, counting((nth += 1)), head, stage),
        reading: () => reading(store, head, stage),
      },
      {
        rounds: rounds + 1,
        signal: stage.signal,
        after: (side, ms) => {
          stage.say(`${side}: ${String(Math.round((events / ms) * 1_000))} events a second`);
        },
      },
    );
    // The first round is the warm-up of both.
    const perSecond = (side: 'projecting' | 'reading'): number =>
      median((measured.get(side) ?? []).slice(1).map((ms) => (events / ms) * 1_000));
    const log = { database, store };
    const load = { appends, signal: stage.signal };
    const here = await latencies(log, counting(nth + 1), load);
    // Another store gives the tail no hints, and another board knows nothing: that is how two processes know each other.
    const by = { store: aStore(database, stage), progress: new DatabaseProgress(database, new ProgressBoard()) };
    const elsewhere = await latencies(log, counting(nth + 2), { ...load, by });
    return {
      events,
      events_per_s: rounded(perSecond('projecting')),
      reading_per_s: rounded(perSecond('reading')),
      ratio: rounded(perSecond('projecting') / perSecond('reading')),
      appends_per_s: appendsPerSecond,
      visible_p50_ms: rounded(percentile(here, 50)),
      visible_p99_ms: rounded(percentile(here, 99)),
      visible_in_other_process_p50_ms: rounded(percentile(elsewhere, 50)),
      visible_in_other_process_p99_ms: rounded(percentile(elsewhere, 99)),
    };
  },
};

const appendsPerSecond = 300;
const streams = 20_000;

const family = {
  BenchCounted: event(
    z.strictObject({ sessionUid: z.string(), userSub: z.string(), promptTime: z.number(), amount: z.int() }),
  ),
};

/** A projection of its own for each round, so that each starts at the log's beginning with an empty table. */
function counting(nth: number): Projection<EventOf<typeof family>> {
  const name = `bench_counts_${String(nth)}`;
  return projection<typeof family>()({
    name,
    version: 1,
    tables: {
      counts: table({ name, columns: { stream: 'text', events: 'bigint', amount: 'bigint' }, key: ['stream'] }),
    },
    when: {
      BenchCounted: ({ amount }, rows, { stream }) => {
        rows.counts.add({ stream }, { events: 1, amount });
      },
    },
  });
}

const aCount = (): EventOf<typeof family> => ({
  type: 'BenchCounted',
  sessionUid: randomUUID(),
  userSub: 'oseh_u_bench',
  promptTime: 12.25,
  amount: 3,
});
const aStream = (nth: number): string => `benchCount-${String(nth % streams)}`;

function aStore(database: Database, stage: Stage): PostgresEventStore {
  const store = new PostgresEventStore(database, new EventCodec([family]), {
    eventBytesMax: 100_000,
    appendEventsMax: 1_000,
    appendQueueMax: 10_000,
  });
  stage.afterwards(() => store.close());
  return store;
}

async function fill(store: PostgresEventStore, events: number): Promise<void> {
  for (let first = 0; first < events; first += 5_000) {
    const appends = Array.from({ length: Math.min(5_000, events - first) }, (_, nth) => append(store, first + nth));
    await Promise.all(appends);
  }
}

async function append(store: PostgresEventStore, nth: number): Promise<bigint> {
  const writes = [{ stream: aStream(nth * 7_919), expected: 'any', events: [aCount()] }] as const;
  return (await store.append({ writes, metadata: { correlationId: randomUUID() } })).position;
}

interface Log {
  readonly database: Database;
  readonly store: PostgresEventStore;
}

/** Milliseconds from taking the lease until the checkpoint stands at the head. */
async function projecting(log: Log, counts: Projection, head: bigint, stage: Stage): Promise<number> {
  await using running = new AsyncDisposableStack();
  const startedAt = performance.now();
  const { progress } = await follow(log, counts, running);
  const { reached } = await progress.waitFor(counts.name, head, 600_000);
  stage.signal.throwIfAborted();
  if (!reached) throw new Error(`${counts.name} did not get to ${String(head)}.`);
  const ms = performance.now() - startedAt;
  await checkCounts(log, counts);
  return ms;
}

async function reading(store: PostgresEventStore, head: bigint, stage: Stage): Promise<number> {
  const tail = new Tail(store);
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, stage.signal]);
  const startedAt = performance.now();
  try {
    for await (const { upTo } of tail.subscribe({
      after: 0n,
      filter: { types: ['BenchCounted'] },
      batchMax: 5_000,
      signal,
    }))
      if (upTo >= head) break;
    return performance.now() - startedAt;
  } finally {
    over.abort();
    await tail.close();
  }
}

interface Load {
  readonly appends: number;
  readonly signal: AbortSignal;
  /** Absent: the process that projects does it itself. */
  readonly by?: Caller;
}

/** Who appends, and who waits for the read model. */
interface Caller {
  readonly store: PostgresEventStore;
  readonly progress: DatabaseProgress;
}

async function latencies(log: Log, counts: Projection, { appends, signal, by }: Load): Promise<readonly number[]> {
  await using running = new AsyncDisposableStack();
  const { progress } = await follow(log, counts, running);
  await progress.waitFor(counts.name, await log.store.head(), 600_000);
  const caller = by ?? { store: log.store, progress };
  const visible: Promise<number>[] = [];
  const startedAt = performance.now();
  for (let nth = 0; nth < appends; nth += 1) {
    signal.throwIfAborted();
    const waitMs = startedAt + (nth * 1_000) / appendsPerSecond - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    visible.push(untilVisible(caller, counts.name, nth));
  }
  // Awaited here: the engine is taken down on the way out.
  const all = await Promise.all(visible);
  await checkCounts(log, counts);
  return all;
}

/** A projection that left events out would be faster. */
async function checkCounts({ database, store }: Log, { name }: Projection): Promise<void> {
  const { rows } = await database.pool.query<Record<string, unknown>>(
    `select sum(events) as counted from read.${name}`,
  );
  const [{ counted }] = z.tuple([z.object({ counted: z.coerce.bigint() })]).parse(rows);
  const head = await store.head();
  if (counted !== head) throw new Error(`${name} counted ${String(counted)} events, and the log has ${String(head)}.`);
}

async function untilVisible({ store, progress }: Caller, projection: string, nth: number): Promise<number> {
  const startedAt = performance.now();
  const position = await append(store, nth);
  const { reached } = await progress.waitFor(projection, position, 10_000);
  if (!reached) throw new Error(`${String(position)} did not become visible in ten seconds.`);
  return performance.now() - startedAt;
}

/** The engine as a worker runs it, for one projection. */
async function follow(
  { database, store }: Log,
  counts: Projection,
  running: AsyncDisposableStack,
): Promise<{ progress: DatabaseProgress }> {
  const board = new ProgressBoard();
  const tail = new Tail(store);
  running.defer(() => tail.close());
  const leases = new Leases(database, randomUUID());
  running.defer(() => leases.close());
  const engine = new ProjectionEngine([counts], { database, store, tail, leases, board });
  await engine.start();
  running.defer(() => engine.stop());
  return { progress: new DatabaseProgress(database, board) };
}
