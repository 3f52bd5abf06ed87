import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { projection } from '../../src/platform/projecting/projection.js';
import { table } from '../../src/platform/projecting/table.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aWorker, type presses, until, type Worker } from './projecting.worker.js';
import { caughtUp, ledger, reached, recounted, shown } from './rebuilding.world.js';

let testing: TestDatabase;
let worker: Worker;

beforeEach(async () => {
  testing = await aDatabase({ connectionsMax: 20 });
  worker = await aWorker(testing.database, { projections: [ledger] });
});

afterEach(async () => {
  await worker.stop();
  await testing.close();
});

const sums = {
  columns: { total: 'bigint?', counted: 'bigint?', at: 'bigint' },
  sql: `select (select presses from read.ledger_totals)::bigint as total,
          (select sum(presses) from read.ledger_buttons)::bigint as counted,
          (select position from projecting.active join projecting.builds using (projection, build)) as at`,
} as const;

describe('those who read and write while builds are switched and switched back', () => {
  test('never get an error, a mixture of two builds, or an older state than before', async () => {
    const readModels = new ReadModels(testing.database);
    const stopped = new AbortController();
    const seen = { reads: 0, writes: 0 };
    const reader = async (): Promise<void> => {
      for (let last = 0; !stopped.signal.aborted; seen.reads += 1) {
        const [{ total, counted, at }] = z.tuple([Sums]).parse(await readModels.query(sums.columns, sums.sql));
        expect(counted).toBe(total);
        expect(at).toBeGreaterThanOrEqual(last);
        last = at;
        await sleep(1);
      }
    };
    const transaction = async (): Promise<void> => {
      while (!stopped.signal.aborted) {
        await sleep(3);
        const client = await testing.database.pool.connect();
        await client.query('begin isolation level repeatable read');
        const [{ presses: total }] = Presses.parse((await client.query('select presses from read.ledger_totals')).rows);
        await sleep(1);
        const counted = await client.query('select sum(presses) as presses from read.ledger_buttons');
        expect(Presses.parse(counted.rows)[0].presses).toBe(total);
        await client.query('commit');
        client.release();
      }
    };
    const writer = async (button: string): Promise<void> => {
      for (; !stopped.signal.aborted; seen.writes += 1) await worker.press(button, 1, 2, 3);
    };
    await worker.press('red', 1);
    await caughtUp(worker);
    const all = [reader(), reader(), transaction(), writer('red'), writer('blue')];
    for (let round = 0; round < 3; round += 1) {
      await worker.orders.rebuild(['ledger'], { switches: true });
      await reached(worker, 'ledger', 'switched');
      await sleep(100);
      if (round === 1) continue;
      await worker.orders.rollback('ledger');
      await reached(worker, 'ledger', 'rolled_back');
      await sleep(100);
    }
    stopped.abort();
    await Promise.all(all);
    await caughtUp(worker);
    expect(await shown(testing.database)).toEqual(await recounted(testing.database));
    expect(seen.reads).toBeGreaterThan(100);
    expect(seen.writes).toBeGreaterThan(50);
    expect(worker.failures).toEqual([]);
  }, 60_000);

  test('are not held up by somebody who reads for long: the switch waits for them, and lets the others pass', async () => {
    await worker.press('red', 1);
    await caughtUp(worker);
    const long = await testing.database.pool.connect();
    await long.query('begin');
    await long.query('select * from read.ledger_buttons');
    await worker.orders.rebuild(['ledger'], { switches: true });
    await reached(worker, 'ledger', 'ready');
    let slowestMs = 0;
    for (const until = performance.now() + 800; performance.now() < until;) {
      const startedAt = performance.now();
      await shown(testing.database);
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
    }
    expect(slowestMs).toBeLessThan(250);
    expect(await worker.rebuilds.of('ledger')).toMatchObject({ state: 'ready', problem: null });
    const position = await worker.press('red', 1);
    expect(await worker.progress.waitFor('ledger', position, 2_000)).toMatchObject({ reached: true });
    await long.query('commit');
    long.release();
    await reached(worker, 'ledger', 'switched');
  }, 30_000);

  test('hold up the end of the build that they still read, and nobody else', async () => {
    await worker.press('red', 1);
    await caughtUp(worker);
    await worker.orders.rebuild(['ledger'], { switches: true });
    await reached(worker, 'ledger', 'switched');
    const long = await testing.database.pool.connect();
    await long.query('begin');
    await long.query('select * from ledger_v1.ledger_buttons');
    await worker.orders.retire('ledger');
    try {
      await sleep(400);
      const position = await worker.press('red', 1);
      expect(await worker.progress.waitFor('ledger', position, 2_000)).toMatchObject({ reached: true });
      expect(await worker.rebuilds.of('ledger')).toMatchObject({ state: 'switched', request: 'retire', problem: null });
    } finally {
      await long.query('commit');
      long.release();
    }
    await reached(worker, 'ledger', 'retired');
  }, 30_000);
});

describe('a question whose answer changes its type with the version', () => {
  test('is answered on connections that had prepared it before', async () => {
    const readModels = new ReadModels(testing.database);
    await worker.press('red', 1);
    await caughtUp(worker);
    const all = 'select * from read.ledger_totals';
    const asked = await Promise.all(
      Array.from({ length: 4 }, () => readModels.query({ what: 'text', presses: 'integer' }, all)),
    );
    expect(asked[0]).toEqual([{ what: 'all', presses: 1 }]);
    await worker.stop();
    worker = await aWorker(testing.database, { projections: [wider] });
    await until(async () => (await worker.rebuilds.of('ledger'))?.state === 'switched');
    // As another program on the same connections.
    const next = new ReadModels(testing.database);
    const columns = { what: 'text', presses: 'bigint', buttons: 'integer' } as const;
    const after = await Promise.all(Array.from({ length: 4 }, () => next.query(columns, all)));
    expect(after).toEqual(Array.from({ length: 4 }, () => [{ what: 'all', presses: 1, buttons: 1 }]));
  });
});

/** The next version: one number is larger, and there is another. */
const wider = projection<typeof presses>()({
  name: 'ledger',
  version: 2,
  tables: {
    buttons: ledger.tables.buttons,
    totals: table({
      name: 'ledger_totals',
      columns: { what: 'text', presses: 'bigint', buttons: 'integer' },
      key: ['what'],
    }),
  },
  when: {
    Pressed: ({ button, times }, rows) => {
      rows.buttons.add({ button }, { presses: times });
      rows.totals.add({ what: 'all' }, { presses: times, buttons: 1 });
    },
  },
});

const Sums = z.object({ total: z.number().nullable(), counted: z.number().nullable(), at: z.number() });
const Presses = z.tuple([z.object({ presses: z.coerce.number() })]);
