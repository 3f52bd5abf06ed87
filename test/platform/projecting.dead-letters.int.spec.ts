import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { projection } from '../../src/platform/projecting/projection.js';
import { table } from '../../src/platform/projecting/table.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aWorker, counted, type presses, pressTable, until, type Worker } from './projecting.worker.js';

let testing: TestDatabase;
let workers: Worker[];
/** Presses of this many times are poison while it is set. */
let poison: number | undefined;

beforeEach(async () => {
  testing = await aDatabase({ connectionsMax: 12 });
  workers = [];
  poison = 666;
});

afterEach(async () => {
  for (const worker of workers) await worker.stop();
  await testing.close();
});

/** Also keeps the order of what was applied, so that a wrong order shows: 10 x what was there + what comes. */
const pressed = projection<typeof presses>()({
  name: 'press_counts',
  version: 1,
  tables: { counts: pressTable('press_counts') },
  when: {
    Pressed: ({ button, times }, rows) => {
      const before = rows.counts.get({ button })?.batches ?? 0;
      rows.counts.set({ button }, { batches: (before * 10 + times) % 1_000_000 });
      if (times === poison) throw new RangeError(`nobody presses "${button}" ${String(times)} times`);
      rows.counts.add({ button }, { presses: times });
    },
  },
  reads: ({ button }) => ({ counts: [{ button }] }),
});

async function started(lettersMax = 1_000): Promise<Worker> {
  const worker = await aWorker(testing.database, { projections: [pressed], lettersMax });
  workers.push(worker);
  return worker;
}

async function reached(worker: Worker, position: bigint): Promise<void> {
  expect(await worker.progress.waitFor('press_counts', position, 8_000)).toEqual({ reached: true, at: position });
}

async function letterStates(worker: Worker): Promise<readonly string[]> {
  return (await worker.letters.list()).map(
    ({ position, state, attempts }) => `${String(position)} ${state} ${String(attempts)}`,
  );
}

describe('an event whose fold throws', () => {
  test('is set aside with the later events of its key, and everything else goes on', async () => {
    const worker = await started();
    await worker.press('red', 1, 666, 2);
    await worker.press('blue', 5);
    await reached(worker, await worker.press('red', 3));
    expect(await counted(testing.database)).toEqual({ blue: 5, red: 1 });
    expect(await letterStates(worker)).toEqual(['2 poisoned 1', '3 waiting 0', '5 waiting 0']);
    const [letter] = await worker.letters.list();
    expect(letter).toMatchObject({ stream: 'button-red', key: 'button-red', type: 'Pressed', error: 'RangeError' });
    expect(await worker.lag.report()).toMatchObject([{ deadLetters: 3, lag: 0 }]);
  });

  test('leaves nothing of its half-made changes behind', async () => {
    const worker = await started();
    await reached(worker, await worker.press('red', 666));
    expect(await counted(testing.database)).toEqual({});
  });

  test('is still waited for by a worker that starts later', async () => {
    const one = await started();
    await reached(one, await one.press('red', 666));
    await one.stop();
    workers = [];
    const other = await started();
    await reached(other, await other.press('red', 4));
    expect(await counted(testing.database)).toEqual({});
    expect(await letterStates(other)).toEqual(['1 poisoned 1', '2 waiting 0']);
  });

  test('is applied with those behind it, in order, when it is tried again and succeeds', async () => {
    const worker = await started();
    await reached(worker, await worker.press('red', 1, 666, 2, 3));
    await worker.press('blue', 666);
    await until(async () => (await worker.letters.list()).length === 4);
    const [first, second] = await worker.letters.list();
    if (first === undefined || second === undefined) throw new Error('There are no letters.');
    expect(await worker.letters.retry(second.id, 3_000)).toBe('waits-behind-another');
    expect(await worker.letters.retry(first.id, 3_000)).toBe('failed-again');
    expect(await letterStates(worker)).toEqual(['2 poisoned 2', '3 waiting 0', '4 waiting 0', '5 poisoned 1']);
    poison = 3;
    expect(await worker.letters.retry(first.id, 3_000)).toBe('resolved');
    await until(async () => (await worker.letters.list()).length === 2);
    expect(await letterStates(worker)).toEqual(['4 poisoned 1', '5 poisoned 1']);
    poison = undefined;
    const [third] = await worker.letters.list();
    expect(await worker.letters.retry(third?.id ?? '', 3_000)).toBe('resolved');
    await reached(worker, await worker.press('red', 7));
    expect(await counted(testing.database)).toEqual({ red: 1 + 666 + 2 + 3 + 7 });
    const { rows } = await testing.database.pool.query(`select batches from read.press_counts where button = 'red'`);
    expect(rows).toEqual([{ batches: (((1 * 10 + 666) * 10 + 2) * 10 + 3) * 10 + 7 }]);
    expect(await worker.letters.retry(first.id, 3_000)).toBe('resolved');
    expect(await worker.letters.retry('999', 3_000)).toBe('unknown');
  });
});

describe('an event whose rows the database refuses', () => {
  test('is found among thousands and set aside alone', async () => {
    const worker = await started();
    poison = undefined;
    const tooMany = 2_147_483_647;
    const times = Array.from({ length: 700 }, (_, at) => (at === 421 ? tooMany : 1));
    await Promise.all(
      ['a', 'b', 'c'].map((button) => worker.press(button, ...times.map((each) => (button === 'b' ? each : 1)))),
    );
    await reached(worker, await worker.press('c', 1));
    expect(await counted(testing.database)).toEqual({ a: 700, b: 421, c: 701 });
    const letters = await worker.letters.list();
    expect(letters).toHaveLength(700 - 421);
    expect(letters[0]).toMatchObject({ state: 'poisoned', error: 'PostgreSQL 22003' });
  });
});

describe('an event whose rows cannot even be sent to the database', () => {
  test('is set aside alone', async () => {
    const seen = projection<typeof presses>()({
      name: 'press_times',
      version: 1,
      tables: {
        times: table({ name: 'press_times', columns: { button: 'text', at: 'timestamptz' }, key: ['button'] }),
      },
      when: {
        Pressed: ({ button, times }, rows) => {
          rows.times.set({ button }, { at: new Date(times === 13 ? NaN : times) });
        },
      },
    });
    const worker = await aWorker(testing.database, { projections: [seen] });
    workers.push(worker);
    await worker.press('red', 13);
    const last = await worker.press('blue', 1, 2);
    expect(await worker.progress.waitFor('press_times', last, 5_000)).toMatchObject({ reached: true });
    expect(await worker.letters.list()).toMatchObject([{ stream: 'button-red', error: 'ValueUnstorable' }]);
  });
});

describe('too many dead letters', () => {
  test('stop the projection, which says so', async () => {
    const worker = await started(3);
    await worker.press('red', 1);
    const last = await worker.press('blue', 666, 1, 1, 1);
    expect(await worker.progress.waitFor('press_counts', last, 700)).toMatchObject({ reached: false });
    expect(await worker.lag.report()).toMatchObject([
      { problem: 'press_counts: stopped, because more than 3 events could not be applied.' },
    ]);
    expect(await worker.letters.list()).toEqual([]);
    poison = undefined;
    await reached(worker, last);
    expect(await worker.lag.report()).toMatchObject([{ problem: undefined }]);
  });
});
