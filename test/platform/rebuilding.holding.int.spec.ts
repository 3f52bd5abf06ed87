import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LogPage } from '../../src/platform/event-store/event-store.js';
import { logPages } from '../../src/platform/event-store/log-pages.js';
import { projection, type Projection } from '../../src/platform/projecting/projection.js';
import { Builds } from '../../src/platform/projecting/builds.js';
import { Filling, type PoisonStopsRebuild } from '../../src/platform/rebuilding/filling.js';
import { Pace } from '../../src/platform/rebuilding/pace.js';
import { replay } from '../../src/platform/rebuilding/replay.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { eventually } from '../support/eventually.js';
import { aWorker, type presses, pressTable, type Worker } from './projecting.worker.js';
import { ledger, shown } from './rebuilding.world.js';

/** Pages of three events, and nobody else: so whatever may be held is held. */
class FreePace extends Pace {
  override get isFree(): boolean {
    return true;
  }

  override readonly eventsMax = (): number => 3;
}

let testing: TestDatabase;
let worker: Worker;
let head: bigint;

beforeAll(async () => {
  testing = await aDatabase();
  worker = await aWorker(testing.database, { projections: [], rebuilding: false });
  for (const button of ['red', 'blue', 'green']) await worker.press(button, 1, 2, 3, 4, 5);
  await worker.release('red');
  await worker.press('red', 1, 2, 3, 4, 5);
  head = await worker.store.head();
});

afterAll(async () => {
  await worker.stop();
  await testing.close();
});

async function begun(definition: Projection, holdMax = { rows: 1_000, events: 1_000 }): Promise<Filling> {
  const client = await testing.database.pool.connect();
  try {
    const { build } = await new Builds(testing.database).begin(client, definition);
    return await Filling.of(testing.database, definition, { build, epoch: 1, holdMax });
  } finally {
    client.release();
  }
}

async function pages(filling: Filling): Promise<readonly LogPage[]> {
  const order = { after: 0n, to: head, types: filling.types, eventsMax: () => 3 };
  const all: LogPage[] = [];
  for await (const page of logPages(worker.store, order)) all.push(page);
  return all;
}

/** Fails at the third press of one button. */
const failing = projection<typeof presses>()({
  ...ledger,
  name: 'failing_ledger',
  when: {
    Pressed: (pressed, rows, recorded) => {
      if (recorded.stream === 'button-green' && recorded.version === 3) throw new RangeError('too green');
      ledger.when.Pressed?.(pressed, rows, recorded);
    },
  },
});

describe('a rebuild that holds pages back', () => {
  test('writes nothing before the target, and there all of it with its checkpoint', async () => {
    const filling = await begun(ledger);
    const all = await pages(filling);
    for (const page of all.slice(0, -1)) expect(await filling.take(page, { target: head, holds: true })).toBe(0);
    expect(filling.position).toBe(0n);
    expect(await shown(testing.database, filling.schema)).toEqual({});
    for (const page of all.slice(-1)) expect(await filling.take(page, { target: head, holds: true })).toBe(20);
    expect(filling.position).toBe(head);
    expect(await shown(testing.database, filling.schema)).toEqual({ all: 60, blue: 15, green: 15, red: 30 });
  });

  test('writes what it held with the next page when people come', async () => {
    const filling = await begun(ledger);
    const [first, second] = await pages(filling);
    if (first === undefined || second === undefined) throw new Error('The log is too short.');
    expect(await filling.take(first, { target: head, holds: true })).toBe(0);
    expect(await filling.take(second, { target: head, holds: false })).toBe(6);
    expect(filling.position).toBe(second.scannedTo);
    expect(await shown(testing.database, filling.schema)).toMatchObject({ all: 16 });
  });

  test('takes everything again, page by page, to find the event that is impossible', async () => {
    const filling = await begun(failing);
    const poisons: PoisonStopsRebuild[] = [];
    const replayed = {
      filling,
      target: head,
      onPage: () => Promise.resolve(true),
      onPoison: (poison: PoisonStopsRebuild) => {
        poisons.push(poison);
        return Promise.resolve();
      },
    };
    const { store } = worker;
    const signal = new AbortController().signal;
    await replay([replayed], { store, pace: new FreePace(store), eventsPerSMax: null, signal });
    expect(poisons.map(({ message }) => message)).toEqual([expect.stringContaining('position 13 (Pressed)')]);
    // Up to the page before, and not what was folded behind it.
    expect(filling.position).toBe(12n);
    expect(await shown(testing.database, filling.schema)).toEqual({ all: 33, blue: 15, green: 3, red: 15 });
  });

  test('folds on while the database writes, from rows that are not there yet', async () => {
    const filling = await begun(doubling, { rows: 1_000, events: 3 });
    const blocker = await testing.database.pool.connect();
    await blocker.query('begin');
    await blocker.query('select from projecting.builds where schema = $1 for update', [filling.schema]);
    const all = await pages(filling);
    const taken: number[] = [];
    const taking = (async () => {
      for (const page of all) taken.push(await filling.take(page, { target: head, holds: true }));
    })();
    // The first page is being written, the second folded, and the third has to wait.
    await eventually(() => expect(taken).toEqual([0]));
    expect(filling.position).toBe(0n);
    await blocker.query('commit');
    blocker.release();
    await taking;
    expect(taken.reduce((sum, count) => sum + count, 0)).toBe(21);
    const { rows } = await testing.database.pool.query(
      `select button, presses from ${filling.schema}.doubling order by 1`,
    );
    // 57 is 1, 2, 3, 4, 5, each added to twice what was there; the second time, red begins with 100.
    expect(rows).toEqual([
      { button: 'blue', presses: 57 },
      { button: 'green', presses: 57 },
      { button: 'red', presses: 32 * 100 + 57 },
    ]);
  });
});

/** Depends on the order, on every row before, and changes one that it has not read. */
const doubling = projection<typeof presses>()({
  name: 'doubling',
  version: 1,
  tables: { counts: pressTable('doubling') },
  reads: ({ type, button }) => (type === 'Pressed' ? { counts: [{ button }] } : {}),
  when: {
    Pressed: ({ button, times }, rows) => {
      rows.counts.set({ button }, { presses: 2 * (rows.counts.get({ button })?.presses ?? 0) + times });
    },
    Released: ({ button }, rows) => {
      rows.counts.set({ button }, { presses: 100 });
    },
  },
});
