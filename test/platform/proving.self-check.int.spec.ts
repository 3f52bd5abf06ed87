import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { projection, type Projection } from '../../src/platform/projecting/projection.js';
import { layoutOf } from '../../src/platform/projecting/columns.js';
import { createTable } from '../../src/platform/projecting/ddl.js';
import { table } from '../../src/platform/projecting/table.js';
import { explain } from '../../src/platform/proving/explanation.js';
import { isSampled, sampledSql } from '../../src/platform/proving/sample.js';
import { selfCheck, type SelfCheck } from '../../src/platform/proving/self-check.js';
import { SelfCheckTable } from '../../src/platform/proving/self-check-table.js';
import { healthOf, SelfChecker } from '../../src/platform/proving/self-checker.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { eventually } from '../support/eventually.js';
import { aWorker, pressCounts, type presses, pressTable, type Worker } from './projecting.worker.js';

let testing: TestDatabase;
let worker: Worker;

beforeEach(async () => {
  testing = await aDatabase({ connectionsMax: 12 });
  worker = await aWorker(testing.database, { projections: [pressCounts] });
});

afterEach(async () => {
  await worker.stop();
  await testing.close();
});

async function pressed(...buttons: readonly string[]): Promise<void> {
  let position = 0n;
  for (const button of buttons) position = await worker.press(button, 1, 2);
  await worker.progress.waitFor('press_counts', position, 5_000);
  await eventually(async () => {
    const { rows } = await testing.database.pool.query('select position from projecting.builds where position >= $1', [
      position,
    ]);
    expect(rows).toHaveLength(1);
  });
}

async function checked(options: Partial<Parameters<typeof selfCheck>[0]> = {}): Promise<Made> {
  const { database } = testing;
  const check = await selfCheck({ database, store: worker.store, projection: pressCounts, ...options });
  if (check.outcome === 'skipped') throw new Error(check.why);
  return check;
}

type Made = Exclude<SelfCheck, { readonly outcome: 'skipped' }>;

const edit = (sql: string) => testing.database.pool.query(sql);

/** Forgets every third event. */
const forgetful: Projection = projection<typeof presses>()({
  name: 'press_counts',
  version: 1,
  tables: { counts: pressTable('press_counts') },
  when: {
    Pressed: ({ button, times }, rows, { position }) => {
      rows.counts.add({ button }, { presses: position % 3n === 0n ? 0 : times });
    },
  },
});

describe('the self-check of a live read model', () => {
  test('finds nothing where nothing is wrong', async () => {
    await pressed('red', 'blue', 'red');
    expect(await checked()).toMatchObject({ outcome: 'clean', rows: 2, differences: [], position: 6n });
  });

  test('finds rows that somebody edited, removed or added, and names the events that made them', async () => {
    await pressed('red', 'blue', 'green');
    await edit(`update press_counts_v1.press_counts set presses = 4 where button = 'red'`);
    await edit(`delete from press_counts_v1.press_counts where button = 'blue'`);
    await edit(`insert into press_counts_v1.press_counts values ('never', 1, 1)`);
    const check = await checked();
    expect(check.differences).toEqual([
      {
        table: 'press_counts',
        key: { button: 'blue' },
        kind: 'added',
        columns: { presses: { before: null, after: 3 }, batches: { before: null, after: 0 } },
      },
      {
        table: 'press_counts',
        key: { button: 'never' },
        kind: 'missing',
        columns: { presses: { before: 1, after: null }, batches: { before: 1, after: null } },
      },
      { table: 'press_counts', key: { button: 'red' }, kind: 'changed', columns: { presses: { before: 4, after: 3 } } },
    ]);
    expect(check.histories.map(({ events }) => events.map(({ position }) => position))).toEqual([[4, 3], [], [2, 1]]);
  });

  test('finds the rows that a mistake in the fold makes wrong', async () => {
    await pressed('red', 'blue', 'green');
    const { differences, histories } = await checked({ projection: forgetful });
    expect(differences).toMatchObject([{ key: { button: 'blue' } }, { key: { button: 'green' } }]);
    expect(histories[0]?.events.map(({ position }) => position)).toEqual([4, 3]);
  });

  test('looks at a part of the rows, and in the end at every one', async () => {
    await pressed(...Array.from({ length: 60 }, (_, at) => `b${String(at)}`));
    await edit(`update press_counts_v1.press_counts set presses = 0 where button = 'b17'`);
    const build = '1';
    const parts = await Promise.all(
      [0, 1, 2, 3, 4].map((part) => checked({ again: { build, samples: { press_counts: { of: 5, part } } } })),
    );
    expect(parts.map(({ rows }) => rows).reduce((one, other) => one + other)).toBe(60);
    expect(Math.max(...parts.map(({ rows }) => rows))).toBeLessThan(30);
    expect(parts.flatMap(({ differences }) => differences)).toMatchObject([{ key: { button: 'b17' } }]);
    const { rows } = await checked({ rowsWanted: 10 });
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThan(60);
  });

  test('takes events that were set aside for what they are', async () => {
    await pressed('red');
    await worker.press('blue', 5);
    await pressed('red');
    const poison = await worker.press('blue', -1);
    await worker.progress.waitFor('press_counts', poison, 5_000);
    expect(await worker.letters.list()).toHaveLength(1);
    await pressed('green');
    expect(await checked()).toMatchObject({ outcome: 'clean', rows: 3 });
    const [letter] = await worker.letters.list();
    const decision = { by: 'ada', reason: 'It was a test of the finger.' };
    expect(await worker.letters.skip(letter?.id ?? '', decision, 5_000)).toBe('skipped');
    expect(await checked()).toMatchObject({ outcome: 'clean', rows: 3 });
  });
});

describe('a mismatch that a self-check found', () => {
  test('is a problem of the program until the same rows are right again', async () => {
    await pressed('red', 'blue');
    const table = new SelfCheckTable(testing.database);
    const found: SelfCheck[] = [];
    const { database } = testing;
    const onFound = (check: SelfCheck): void => void found.push(check);
    const checker = new SelfChecker([pressCounts], { database, store: worker.store, table, everyMs: 100, onFound });
    const stopping = new AbortController();
    const running = checker.run(stopping.signal);
    const health = async () => healthOf(await table.list());
    await eventually(async () => {
      expect(await health()).toEqual({ ok: true, facts: { press_counts: 'clean' } });
    });
    await edit(`update press_counts_v1.press_counts set presses = 99 where button = 'red'`);
    await eventually(async () => {
      expect(await health()).toMatchObject({ ok: false, why: expect.stringMatching(/^press_counts: 1 of 2 rows/) });
    });
    expect(await table.standing('press_counts')).toBeDefined();
    await edit(`update press_counts_v1.press_counts set presses = 3 where button = 'red'`);
    await eventually(async () => {
      expect(await health()).toMatchObject({ ok: true });
    });
    stopping.abort();
    await running;
    expect(found.map(({ outcome }) => outcome)).toContain('mismatch');
  });

  test('outlives a check that could not be made, and not the build it was found in', async () => {
    await pressed('red');
    await edit(`update press_counts_v1.press_counts set presses = 99`);
    const table = new SelfCheckTable(testing.database);
    await table.record(await checked());
    await table.record({ projection: 'press_counts', outcome: 'skipped', why: 'just so' });
    expect(healthOf(await table.list())).toMatchObject({ ok: false });
    await edit(`delete from projecting.active`);
    expect(healthOf(await table.list())).toMatchObject({ ok: true, facts: { press_counts: 'passed' } });
  });
});

describe('the explanation of a row', () => {
  const explained = (button: string) =>
    explain({
      database: testing.database,
      store: worker.store,
      projection: pressCounts,
      table: pressCounts.tables.counts,
      key: { button },
      limit: 1,
    });

  test('is the row that is read, and the events that made it', async () => {
    await pressed('red', 'blue', 'red');
    expect(await explained('red')).toMatchObject({
      row: { button: 'red', presses: 6, batches: 0 },
      agrees: true,
      events_total: 4,
      events: [{ position: 6, type: 'Pressed', columns: { presses: { before: 4, after: 6, by: 2 } } }],
    });
    expect(await explained('green')).toMatchObject({ row: null, agrees: true, events: [] });
  });

  test('says when the row is not what they make of it', async () => {
    await pressed('red');
    await edit(`update press_counts_v1.press_counts set presses = 99`);
    expect(await explained('red')).toMatchObject({ row: { presses: 99 }, folded: { presses: 3 }, agrees: false });
  });
});

describe('a sample', () => {
  test('is the same to PostgreSQL and to the program', async () => {
    const things = table({
      name: 'things',
      columns: { word: 'text', count: 'bigint', done: 'boolean', at: 'timestamptz' },
      key: ['word', 'count', 'done', 'at'],
    });
    await edit('create schema sampled');
    await edit(createTable('sampled', things));
    const rows = fc.sample(
      fc.record({
        word: fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', '')),
        count: fc.maxSafeInteger(),
        done: fc.boolean(),
        at: fc.constant(new Date(0)),
      }),
      300,
    );
    const sample = { of: 4, part: 1 };
    await testing.database.pool.query(
      `insert into sampled.things select * from unnest($1::text[], $2::bigint[], $3::boolean[], $4::timestamptz[]) on conflict do nothing`,
      [
        rows.map(({ word }) => word),
        rows.map(({ count }) => count),
        rows.map(({ done }) => done),
        rows.map(({ at }) => at),
      ],
    );
    const { rows: counts } = await edit(
      `select count(*)::integer as rows from sampled.things where ${sampledSql(sample, layoutOf(things))}`,
    );
    const inIt = rows.filter((row) => isSampled(sample, layoutOf(things), row));
    const distinct = new Set(inIt.map(({ word, count, done }) => JSON.stringify([word, count, done])));
    expect(counts).toEqual([{ rows: distinct.size }]);
    expect(distinct.size).toBeGreaterThan(30);
  });
});
