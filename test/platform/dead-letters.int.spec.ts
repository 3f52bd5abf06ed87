import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { DeadLetterOffice } from '../../src/platform/dead-letters/dead-letter-office.js';
import { projection } from '../../src/platform/projecting/projection.js';
import { chorus } from '../support/a-program.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aGate } from '../support/eventually.js';
import {
  aWorker,
  counted,
  type presses,
  pressTable,
  until,
  type Worker,
  type WorkerOptions,
} from './projecting.worker.js';

let testing: TestDatabase;
let office: DeadLetterOffice;
let workers: Worker[];
/** Presses of that many times are poison while they are in it. */
let poison: Set<number>;

beforeEach(async () => {
  testing = await aDatabase({ connectionsMax: 12 });
  office = new DeadLetterOffice(testing.database);
  workers = [];
  poison = new Set([666]);
});

afterEach(async () => {
  for (const worker of workers) await worker.stop();
  await testing.close();
});

const pressed = projection<typeof presses>()({
  name: 'press_counts',
  version: 1,
  tables: { counts: pressTable('press_counts') },
  when: {
    Pressed: ({ button, times }, rows) => {
      if (poison.has(times)) throw new RangeError(`nobody presses "${button}" ${String(times)} times`);
      rows.counts.add({ button }, { presses: times });
    },
  },
});

async function started(options: WorkerOptions = {}): Promise<Worker> {
  const worker = await aWorker(testing.database, { projections: [pressed], ...options });
  workers.push(worker);
  return worker;
}

async function reached(worker: Worker, position: bigint): Promise<void> {
  expect(await worker.progress.waitFor('press_counts', position, 8_000)).toEqual({ reached: true, at: position });
}

async function firstLetter(): Promise<string> {
  const [letter] = await office.list({ state: 'poisoned' });
  if (letter === undefined) throw new Error('There is no letter.');
  return letter.id;
}

const Owned = z.object({ build: z.string(), epoch: z.number() });

const decision = { by: 'ada', reason: 'It was a test of the finger.' };

describe('an event that somebody decides to do without', () => {
  test('is let go for good, what waits behind it is applied in order, and its key flows again', async () => {
    const worker = await started();
    await reached(worker, await worker.press('red', 1, 666, 2, 3));
    expect(await office.list()).toMatchObject([
      { of: 'projection', name: 'press_counts', position: 2, state: 'poisoned', behind: 2, error: 'RangeError' },
      { position: 3, state: 'waiting', behind: 0 },
      { position: 4, state: 'waiting', behind: 0 },
    ]);
    const id = await firstLetter();
    expect(await office.skip(id, decision, 5_000)).toBe('skipped');
    await until(async () => (await office.list()).length === 0);
    await reached(worker, await worker.press('red', 10));
    expect(await counted(testing.database)).toEqual({ red: 1 + 2 + 3 + 10 });
    expect(await office.find(id)).toMatchObject({ state: 'skipped', skipped: decision, behind: 0 });
    expect(await office.list({ state: 'skipped' })).toHaveLength(1);
    // Once decided, it stays so.
    expect(await office.retry(id, 100)).toBe('skipped');
  });

  test('lets its key flow again when nothing waits behind it', async () => {
    const worker = await started();
    await reached(worker, await worker.press('red', 666));
    expect(await office.skip(await firstLetter(), decision, 5_000)).toBe('skipped');
    await reached(worker, await worker.press('red', 4));
    expect(await counted(testing.database)).toEqual({ red: 4 });
    expect(await office.list()).toEqual([]);
  });

  test('makes the next poison behind it the one to decide about', async () => {
    const worker = await started();
    poison.add(777);
    await reached(worker, await worker.press('red', 666, 1, 777, 2));
    expect(await office.skip(await firstLetter(), decision, 5_000)).toBe('skipped');
    await until(async () => (await office.list({ state: 'poisoned' })).length === 1);
    expect(await office.list()).toMatchObject([
      { position: 3, state: 'poisoned', behind: 1, attempts: 1 },
      { position: 4, state: 'waiting' },
    ]);
    expect(await counted(testing.database)).toEqual({ red: 1 });
  });

  test('must be the one that others wait behind', async () => {
    const worker = await started();
    await reached(worker, await worker.press('red', 666, 1));
    const [, behind] = await office.list();
    expect(await office.skip(behind?.id ?? '', decision, 1_000)).toBe('waits-behind-another');
    expect(await office.skip('999', decision, 1_000)).toBe('unknown');
    expect(await office.skip('no id', decision, 1_000)).toBe('unknown');
  });

  test('waits for a worker when none runs, and is let go by the next one', async () => {
    const worker = await started();
    await reached(worker, await worker.press('red', 666, 5));
    await worker.stop();
    workers = [];
    const id = await firstLetter();
    expect(await office.skip(id, decision, 100)).toBe('not-yet-tried');
    expect(await office.find(id)).toMatchObject({ state: 'skipping' });
    await started();
    await until(async () => (await office.list()).length === 0);
    expect(await counted(testing.database)).toEqual({ red: 5 });
  });

  test('is either applied or let go, never both, when an attempt is under way', async () => {
    const gate = aGate();
    let attempts = 0;
    const worker = await started({
      hooks: {
        beforeWrite: async (_, events) => {
          if (events.length !== 1 || events[0]?.position !== 1n) return;
          attempts += 1;
          await gate.opened;
        },
      },
    });
    await reached(worker, await worker.press('red', 666, 2));
    const id = await firstLetter();
    poison.clear();
    const retried = office.retry(id, 8_000);
    await until(() => attempts === 1);
    const skipped = office.skip(id, decision, 8_000);
    await until(async () => (await office.find(id))?.state === 'skipping');
    gate.open();
    expect(await retried).toBe('resolved');
    expect(await skipped).toBe('resolved');
    await until(async () => (await office.list()).length === 0);
    expect(await counted(testing.database)).toEqual({ red: 668 });
    expect(await office.find(id)).toMatchObject({ state: 'resolved', skipped: null });
  });

  test('is let go once when the attempt that was under way fails', async () => {
    const worker = await started();
    await reached(worker, await worker.press('red', 666, 2));
    const id = await firstLetter();
    // The owner finds both wishes at its next look: the attempt fails, the decision stays.
    const [retried, skipped] = await Promise.all([office.retry(id, 8_000), office.skip(id, decision, 8_000)]);
    expect(['skipped', 'failed-again']).toContain(retried);
    expect(skipped).toBe('skipped');
    await until(async () => (await office.list()).length === 0);
    expect(await counted(testing.database)).toEqual({ red: 2 });
  });

  test('changes nothing for an owner that has been replaced', async () => {
    const worker = await started();
    await reached(worker, await worker.press('red', 666, 2));
    const id = await firstLetter();
    const { rows } = await testing.database.pool.query(`select build, epoch::integer from projecting.builds`);
    const { build, epoch } = Owned.parse(rows[0]);
    await worker.stop();
    workers = [];
    await office.skip(id, decision, 0);
    await worker.letters.skipped(build, epoch - 1, 1n);
    expect(await office.find(id)).toMatchObject({ state: 'skipping' });
    await worker.letters.skipped(build, epoch, 1n);
    expect(await office.find(id)).toMatchObject({ state: 'skipped' });
  });
});

describe('the chorus command', () => {
  test('lists, tries again and skips, with the running program doing the work', async () => {
    const worker = await started();
    await reached(worker, await worker.press('red', 666, 2));
    const run = (...args: string[]) => chorus('/nowhere', ['dead-letters', ...args], { DATABASE_URL: testing.url });
    const id = await firstLetter();
    const [behind] = await office.list({ state: 'waiting' });
    const [list, retried, unasked, early] = await Promise.all([
      run('list', '--json'),
      run('retry', id),
      run('skip', id, '--reason', 'a test'),
      run('skip', behind?.id ?? '', '--reason', 'a test'),
    ]);
    expect(JSON.parse(list.stdout)).toMatchObject({ dead_letters: [{ behind: 1 }, { state: 'waiting' }] });
    expect(retried).toMatchObject({ code: 1, stdout: expect.stringContaining('it failed again') });
    expect(unasked).toMatchObject({ code: 1, stderr: expect.stringContaining('say --yes') });
    expect(early).toMatchObject({ code: 1, stdout: expect.stringContaining('waits behind an earlier') });
    const skip = await run('skip', id, '--reason', 'a test', '--by', 'ada', '--yes', '--json');
    expect({ code: skip.code, told: JSON.parse(skip.stdout) }).toEqual({
      code: 0,
      told: { results: [{ id, outcome: 'skipped' }] },
    });
    const [shown, all, unknown] = await Promise.all([
      run('show', id),
      run('retry', '--all', 'press_counts', '--json'),
      run('show', '999'),
    ]);
    expect(shown.stdout).toMatch(/skipped +\{"by":"ada","reason":"a test"/);
    expect(all.stdout).toBe('{"results":[]}\n');
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('no dead letter 999') });
    expect(await counted(testing.database)).toEqual({ red: 2 });
  }, 60_000);
});
