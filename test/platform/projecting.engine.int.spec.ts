import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aGate } from '../support/eventually.js';
import {
  aWorker,
  counted,
  pressCounts,
  recounted,
  releaseCounts,
  until,
  type Worker,
  type WorkerOptions,
} from './projecting.worker.js';

let testing: TestDatabase;
let workers: Worker[];

beforeEach(async () => {
  testing = await aDatabase({ connectionsMax: 12 });
  workers = [];
});

afterEach(async () => {
  for (const worker of workers) await worker.stop();
  await testing.close();
});

async function started(options: WorkerOptions = {}): Promise<Worker> {
  const worker = await aWorker(testing.database, options);
  workers.push(worker);
  return worker;
}

describe('a running projection', () => {
  test('shows an appended event to whoever waits for its position', async () => {
    const worker = await started();
    const position = await worker.press('red', 2);
    expect(await worker.progress.waitFor('press_counts', position, 5_000)).toEqual({ reached: true, at: position });
    expect(await counted(testing.database)).toEqual({ red: 2 });
  });

  test('starts with what is already in the log', async () => {
    const first = await started({ projections: [] });
    let position = 0n;
    for (let at = 0; at < 20; at += 1) position = await first.press(`b${String(at % 3)}`, 1, 2, 3);
    const second = await started();
    await second.progress.waitFor('press_counts', position, 5_000);
    expect(await counted(testing.database)).toEqual(await recounted(testing.database));
  });

  test('writes a batch in one statement, however many events and rows it has', async () => {
    const batches: number[] = [];
    const statements = statementsOf(testing);
    const worker = await started({
      projections: [pressCounts],
      hooks: {
        beforeWrite: async (_, { length }) => {
          if (length === 0) return;
          if (batches.length === 0) await sleep(300);
          batches.push(length);
        },
      },
    });
    await worker.press('first');
    const appends = Array.from({ length: 200 }, (_, at) => worker.press(`b${String(at)}`, 1, 1, 1));
    const positions = await Promise.all(appends);
    const last = positions.reduce((one, other) => (one > other ? one : other));
    await worker.progress.waitFor('press_counts', last, 5_000);
    expect(batches.reduce((one, other) => one + other)).toBe(601);
    expect(batches.length).toBeLessThan(5);
    const writes = statements().filter((text) => text.includes('press_counts_v1'));
    expect(writes).toHaveLength(batches.length);
    expect(await counted(testing.database)).toEqual(await recounted(testing.database));
  });

  test('lets events come together while many are appended, unless somebody waits for them', async () => {
    let batches = 0;
    const worker = await started({
      projections: [pressCounts],
      hooks: { beforeWrite: (_, { length }) => void (batches += Math.sign(length)) },
    });
    const stop = new AbortController();
    const load = Array.from({ length: 24 }, async (_, at) => {
      while (!stop.signal.aborted) await worker.press(`b${String(at)}`, 1, 1);
    });
    const batchesDuring = async (work: () => Promise<void>): Promise<number> => {
      await sleep(400);
      const before = batches;
      await work();
      return batches - before;
    };
    const unwatched = await batchesDuring(() => sleep(600));
    const watched = await batchesDuring(async () => {
      const end = performance.now() + 600;
      while (performance.now() < end) {
        const position = await worker.press('red', 1);
        expect(await worker.progress.waitFor('press_counts', position, 5_000)).toMatchObject({ reached: true });
      }
    });
    stop.abort();
    await Promise.all(load);
    expect(unwatched).toBeLessThan(6);
    expect(watched).toBeGreaterThan(unwatched * 2);
  });

  test('has seen the events it does not take, without a write for each', async () => {
    const statements = statementsOf(testing);
    const worker = await started({ projections: [releaseCounts] });
    for (let at = 0; at < 60; at += 1) {
      const position = await worker.press('red');
      expect(await worker.progress.waitFor('release_counts', position, 1_000)).toEqual({ reached: true, at: position });
    }
    const moves = statements().filter((text) => text.includes('update projecting.builds set position'));
    expect(moves.length).toBeLessThan(20);
  });

  test('tells the other processes within half a second about events it does not take', async () => {
    const worker = await started({ projections: [releaseCounts] });
    const elsewhere = await started({ projections: [] });
    const position = await worker.press('red');
    const askedAt = performance.now();
    expect(await elsewhere.progress.waitFor('release_counts', position, 5_000)).toEqual({
      reached: true,
      at: position,
    });
    expect(performance.now() - askedAt).toBeLessThan(1_000);
  });

  test('answers whoever waits too long with how far it is', async () => {
    const worker = await started();
    const position = await worker.press('red');
    await worker.progress.waitFor('press_counts', position, 5_000);
    expect(await worker.progress.waitFor('press_counts', position + 5n, 60)).toEqual({ reached: false, at: position });
    expect(await worker.progress.waitFor('unheard_of', 1n, 60)).toEqual({ reached: false, at: 0n });
  });

  test('does not run on a log that was put back to an earlier state', async () => {
    const first = await started({ projections: [pressCounts] });
    await first.progress.waitFor('press_counts', await first.press('red'), 5_000);
    await first.stop();
    workers = [];
    await testing.database.pool.query('update projecting.builds set position = 500');
    const second = await started({ projections: [pressCounts] });
    await until(async () => (await second.lag.report())[0]?.problem !== undefined);
    const [report] = await second.lag.report();
    expect(report?.problem).toMatch(
      /it is at position 500, but the log ends at 1: the log was put back to an older point/,
    );
  });

  test('reports its lag against the log, not against what its reader has seen', async () => {
    let held = Promise.resolve();
    const worker = await started({ projections: [pressCounts], hooks: { beforeWrite: () => held } });
    const position = await worker.press('red');
    await worker.progress.waitFor('press_counts', position, 5_000);
    expect(await worker.lag.report()).toMatchObject([{ projection: 'press_counts', lag: 0, lagMs: 0, runsHere: true }]);
    const gate = aGate();
    held = gate.opened;
    await worker.press('red', 1, 1, 1);
    await sleep(50);
    const [report] = await worker.lag.report();
    expect(report).toMatchObject({ lag: 3 });
    expect(report?.lagMs).toBeGreaterThan(20);
    gate.open();
  });
});

describe('two workers', () => {
  test('keep each projection with one of them, and share them out', async () => {
    // Whoever carries out rebuilds has a share too, which would count here.
    const one = await started({ rebuilding: false });
    const position = await one.press('red');
    await one.progress.waitFor('press_counts', position, 5_000);
    const other = await started({ rebuilding: false });
    await until(() => owned(one) === 1 && owned(other) === 1);
    const last = await one.press('blue', 1, 1);
    await one.progress.waitFor('press_counts', last, 5_000);
    await other.progress.waitFor('press_counts', last, 5_000);
    expect(await counted(testing.database)).toEqual({ blue: 2, red: 1 });
  });

  test('take over from one that stops, at once', async () => {
    const one = await started({ leases: { leaseMs: 60_000, tickMs: 100 } });
    await until(() => owned(one) === 2);
    const other = await started({ leases: { leaseMs: 60_000, tickMs: 100 } });
    await one.stop();
    workers = [other];
    await until(() => owned(other) === 2);
    const position = await other.press('red');
    expect(await other.progress.waitFor('press_counts', position, 3_000)).toMatchObject({ reached: true });
  });
});

function owned(worker: Worker): number {
  return ['press_counts', 'release_counts'].filter((name) => worker.board.of(name)?.build !== undefined).length;
}

/** Every statement that goes through the pool from now on. */
function statementsOf({ database: { pool } }: TestDatabase): () => readonly string[] {
  const spy = jest.spyOn(pool, 'query');
  return () => z.array(Asked).parse(spy.mock.calls);
}

const Asked = z
  .tuple([z.union([z.string(), z.object({ text: z.string() })])])
  .rest(z.unknown())
  .transform(([asked]) => (typeof asked === 'string' ? asked : asked.text));
