import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { Builds } from '../../src/platform/projecting/builds.js';
import { projection, type Projection } from '../../src/platform/projecting/projection.js';
import { table } from '../../src/platform/projecting/table.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aGate } from '../support/eventually.js';
import { aWorker, counted, pressCounts, type presses, until, type Worker } from './projecting.worker.js';

let testing: TestDatabase;
let workers: Worker[];

beforeEach(async () => {
  testing = await aDatabase({ connectionsMax: 14 });
  workers = [];
});

afterEach(async () => {
  for (const worker of workers) await worker.stop();
  await testing.close();
});

async function deployed(...projections: readonly Projection[]): Promise<Worker> {
  const worker = await aWorker(testing.database, { projections });
  workers.push(worker);
  return worker;
}

/** The second version: counts double, in a table with one more column and an index. */
const doubled = projection<typeof presses>()({
  name: 'press_counts',
  version: 2,
  differs: ['press_counts.presses'],
  tables: {
    counts: table({
      name: 'press_counts',
      columns: { button: 'text', presses: 'integer', last_at: 'timestamptz?' },
      key: ['button'],
      indexes: [['last_at']],
    }),
  },
  when: {
    Pressed: ({ button, times }, rows, { recordedAt }) => {
      rows.counts.add({ button }, { presses: times * 2 });
      rows.counts.set({ button }, { last_at: recordedAt });
    },
  },
});

describe('a projection whose version was raised', () => {
  test('is built beside the live build, which is read until the new one has caught up', async () => {
    const old = await deployed(pressCounts);
    const seen = await old.press('red', 1, 1);
    await old.progress.waitFor('press_counts', seen, 5_000);
    const gate = aGate();
    const next = await aWorker(testing.database, {
      projections: [doubled],
      rebuilding: { hooks: { at: (step) => (step === 'page' ? gate.opened : undefined) } },
    });
    workers.push(next);

    const during = await old.press('red');
    await old.progress.waitFor('press_counts', during, 5_000);
    await until(async () => 'press_counts_v2' in (await states()));
    expect(await counted(testing.database)).toEqual({ red: 3 });
    expect(await states()).toEqual({ press_counts_v1: 'live', press_counts_v2: 'building' });

    gate.open();
    await until(async () => (await states())['press_counts_v2'] === 'live');
    const after = await next.press('red');
    expect(await next.progress.waitFor('press_counts', after, 5_000)).toMatchObject({ reached: true });
    expect(await counted(testing.database)).toEqual({ red: 8 });
    expect(await states()).toEqual({ press_counts_v1: 'previous', press_counts_v2: 'live' });
    const { rows } = await testing.database.pool.query(
      `select indexdef from pg_indexes where schemaname = 'press_counts_v2' and indexdef like '%(last_at)'`,
    );
    expect(rows).toHaveLength(1);
  });

  test('is kept up to date by the old program, as long as that runs, so that it can be taken back', async () => {
    const old = await deployed(pressCounts);
    await old.progress.waitFor('press_counts', await old.press('red', 3), 5_000);
    const next = await deployed(doubled);
    await until(async () => (await states())['press_counts_v2'] === 'live');
    const after = await next.press('red');
    await next.progress.waitFor('press_counts', after, 5_000);
    await until(async () => (await counted(testing.database, 'press_counts_v1.press_counts'))['red'] === 4);
    expect(await counted(testing.database)).toEqual({ red: 8 });
  });

  test('waits for somebody when rows differ that nobody named', async () => {
    const old = await deployed(pressCounts);
    await old.progress.waitFor('press_counts', await old.press('red', 3), 5_000);
    const { differs: _, ...unnamed } = doubled;
    const next = await deployed(unnamed);
    await until(async () => (await problemOf(next)) !== undefined);
    expect(await problemOf(next)).toMatch(/press_counts differs in 1 row: {"button":"red"} changed \(presses 3 -> 6\)/);
    expect(await states()).toEqual({ press_counts_v1: 'live', press_counts_v2: 'building' });
    await next.orders.switch('press_counts', ['press_counts.presses']);
    await until(async () => (await states())['press_counts_v2'] === 'live');
    expect(await counted(testing.database)).toEqual({ red: 6 });
  });

  test('stops its new build at an event that cannot be applied, and the old one stays', async () => {
    const old = await deployed(pressCounts);
    const position = await old.press('red', 1);
    await old.progress.waitFor('press_counts', position, 5_000);
    const broken: Projection = {
      ...doubled,
      when: {
        Pressed: () => {
          throw new Error('new code, new mistakes');
        },
      },
    };
    const next = await deployed(broken);
    await until(async () => (await problemOf(next)) !== undefined);
    expect(await problemOf(next)).toMatch(/the build of version 2 stopped at position 1 \(Pressed\)/);
    expect(await states()).toEqual({ press_counts_v1: 'live', press_counts_v2: 'building' });
    expect(await next.letters.list()).toEqual([]);
    expect(await counted(testing.database)).toEqual({ red: 1 });
  });
});

describe('a program that is older than the live build', () => {
  test('leaves it alone and says so', async () => {
    const newer = await deployed(doubled);
    const position = await newer.press('red');
    await newer.progress.waitFor('press_counts', position, 5_000);
    const older = await deployed(pressCounts);
    expect(await problemOf(older)).toMatch(/this program has version 1, but version 2 is live/);
    await newer.progress.waitFor('press_counts', await older.press('red'), 5_000);
    expect(await counted(testing.database)).toEqual({ red: 4 });
    expect(await states()).toEqual({ press_counts_v2: 'live' });
  });
});

describe('a projection whose tables were changed without a new version', () => {
  test('does not run, and the others do', async () => {
    const before = await deployed(pressCounts);
    const position = await before.press('red');
    await before.progress.waitFor('press_counts', position, 5_000);
    await before.stop();
    const other = { ...doubled, name: 'others', version: 1, tables: { counts: otherTable } };
    workers = [];
    const after = await deployed({ ...doubled, version: 1 }, other);
    const later = await after.press('red');
    expect(await after.progress.waitFor('others', later, 5_000)).toMatchObject({ reached: true });
    expect(await problemOf(after)).toMatch(/tables were changed, but it is still version 1/);
    expect(await counted(testing.database)).toEqual({ red: 1 });
  });
});

describe('many programs that start at once on an empty database', () => {
  test('make one build', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => new Builds(testing.database).open(doubled)));
    expect(new Set(all.map(({ live }) => live?.build)).size).toBe(1);
    expect(await states()).toEqual({ press_counts_v2: 'live' });
  });
});

describe('an engine', () => {
  test('refuses names that would meet in the database', async () => {
    await expect(deployed(pressCounts, { ...doubled, name: 'another' })).rejects.toThrow(
      'Two tables are called press_counts.',
    );
    await expect(deployed({ ...pressCounts, name: 'Press Counts' })).rejects.toThrow('not a name in lower case');
  });

  test('refuses tables whose rows it could not find again', () => {
    const columns = { id: 'text', at: 'timestamptz?', data: 'jsonb' } as const;
    expect(() => table({ name: 'things', columns, key: ['at'] })).toThrow('at cannot be part of a key');
    expect(() => table({ name: 'things', columns, key: ['data'] })).toThrow('data cannot be part of a key');
    expect(() => table({ name: 'things', columns, key: [] })).toThrow('has no key');
    expect(() => table({ name: 'Things', columns, key: ['id'] })).toThrow('not a name in lower case');
  });
});

const otherTable = table({
  name: 'other_counts',
  columns: { button: 'text', presses: 'integer', last_at: 'timestamptz?' },
  key: ['button'],
});

async function problemOf(worker: Worker): Promise<string | undefined> {
  const reports = await worker.lag.report();
  return reports.find(({ projection }) => projection === 'press_counts')?.problem;
}

async function states(): Promise<Readonly<Record<string, string>>> {
  const { rows } = await testing.database.pool.query('select schema, state from projecting.builds');
  return Object.fromEntries(
    z
      .array(z.object({ schema: z.string(), state: z.string() }))
      .parse(rows)
      .map(({ schema, state }) => [schema, state]),
  );
}
