import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { PoolClient } from 'pg';
import { z } from 'zod';
import { columnsOf } from '../../src/platform/projecting/columns.js';
import { createTable } from '../../src/platform/projecting/ddl.js';
import { table, type Row } from '../../src/platform/projecting/table.js';
import { compareTables, type Comparison } from '../../src/platform/proving/compare.js';
import { parseExpectedDifferences } from '../../src/platform/proving/expected-differences.js';
import { byteOrder } from '../../src/platform/proving/merged-rows.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';

const things = table({
  name: 'things',
  columns: {
    kind: 'text',
    id: 'bigint',
    words: 'text?',
    amount: 'integer?',
    share: 'double?',
    done: 'boolean?',
    at: 'timestamptz?',
    data: 'jsonb?',
  },
  key: ['kind', 'id'],
});
type Thing = Row<typeof things>;

let testing: TestDatabase;
let client: PoolClient;

beforeAll(async () => {
  testing = await aDatabase();
  for (const schema of ['one', 'other']) {
    await testing.database.pool.query(`create schema ${schema}`);
    await testing.database.pool.query(createTable(schema, things));
  }
  client = await testing.database.pool.connect();
});

afterAll(async () => {
  client.release();
  await testing.close();
});

/** Nothing that PostgreSQL would store as something else: no NUL, no half characters. */
const texts = fc.oneof(
  fc.constantFrom(
    '',
    'null',
    '1.0',
    '1.00',
    ' ',
    '(a,b)',
    '"',
    '\\',
    ',',
    '""',
    '\n',
    'ä',
    '\u{10348}',
    '\uFFFD',
    '(,)',
  ),
  fc.string({ unit: 'grapheme', maxLength: 4 }).map((text) => text.replaceAll('\0', '')),
);
const jsons = fc.oneof(
  fc.constantFrom(null, {}, [], [[1], 2], [[1, 2]], '', 'null', { a: 1, b: null }, { b: null, a: 1 }, { a: '1.0' }),
  fc.array(texts, { maxLength: 2 }),
);
const rows: fc.Arbitrary<Thing> = fc.record({
  kind: fc.oneof(fc.constantFrom('a', 'b'), texts),
  id: fc.oneof(fc.nat(3), fc.constantFrom(-1, 4_294_967_296, 9_007_199_254_740_991)),
  words: fc.option(texts),
  amount: fc.option(fc.integer({ min: -2, max: 2 })),
  share: fc.option(fc.oneof(fc.constantFrom(0, -0, 0.1, 0.30000000000000004, 1e300), fc.double({ noNaN: true }))),
  done: fc.option(fc.boolean()),
  at: fc.option(fc.date({ min: new Date(0), max: new Date(5_000_000_000_000), noInvalidDate: true })),
  data: jsons,
});
const keyOf = ({ kind, id }: Thing): string => `${kind}\0${String(id)}`;
const tablesOfRows = fc.uniqueArray(rows, { selector: keyOf, maxLength: 30 });

/** Two tables that have most of their rows in common. */
const pairs = fc
  .tuple(tablesOfRows, tablesOfRows, fc.infiniteStream(fc.nat(9)), fc.boolean())
  .map(([one, changes, dice, keysStay]) => {
    const kept = one.flatMap((row) => {
      const roll = dice.next().value;
      if (roll === 0 && !keysStay) return [];
      return [roll === 1 ? { ...(changes[0] ?? row), kind: row.kind, id: row.id } : row];
    });
    const known = new Set(one.map(keyOf));
    const added = keysStay ? [] : changes.filter((row) => !known.has(keyOf(row))).slice(0, 2);
    return { one, other: [...kept, ...added] };
  });

async function fill(schema: string, all: readonly Thing[]): Promise<void> {
  const columns = columnsOf(things.columns);
  const types = columns.map(({ sql }, at) => `$${String(at + 1)}::${sql}[]`).join(', ');
  const arrays = columns.map(({ name, encode }) => all.map((row) => encode(valueOf(row, name))));
  await client.query(`truncate ${schema}.things`);
  await client.query(`insert into ${schema}.things select * from unnest(${types})`, arrays);
}

function valueOf(row: Thing, name: string) {
  return Object.entries(row).find(([column]) => column === name)?.[1] ?? null;
}

async function compared(expected: Parameters<typeof compareTables>[2] = [], differencesMax = 100): Promise<Comparison> {
  await client.query('begin isolation level repeatable read');
  const side = (schema: string) => ({ client, schema, tables: { things } });
  const comparison = await compareTables(side('one'), side('other'), expected, { differencesMax, pageRows: 3 });
  await client.query('commit');
  return comparison;
}

/** Shares nothing with the comparison but the rows. */
function naively(one: readonly Thing[], other: readonly Thing[]): readonly string[] {
  const [before, after] = [one, other].map((all) => new Map(all.map((row) => [keyOf(row), row])));
  return [...new Set([...one, ...other].map(keyOf))]
    .flatMap((key) => {
      const [old, now] = [before?.get(key), after?.get(key)];
      if (old === undefined) return [`added ${key}`];
      if (now === undefined) return [`missing ${key}`];
      const differing = Object.keys(things.columns).filter(
        (name) => !isDeepStrictEqual(plain(valueOf(old, name)), plain(valueOf(now, name))),
      );
      return differing.length === 0 ? [] : [`changed ${key} ${differing.sort().join()}`];
    })
    .sort();
}

/** Zero has no sign in a table. JSON's null is one like any other value that reads as null, here. */
function plain(value: unknown): unknown {
  return value === 0 ? 0 : value;
}

const Key = z.object({ kind: z.string(), id: z.coerce.string() });

function told({ tables }: Comparison): readonly string[] {
  return tables
    .flatMap(({ differences }) => differences)
    .map(({ kind, key, columns }) => {
      const { kind: thing, id } = Key.parse(key);
      return `${kind} ${thing}\0${id}${kind === 'changed' ? ` ${Object.keys(columns).sort().join()}` : ''}`;
    })
    .sort();
}

describe('comparing two tables', () => {
  test('finds exactly the rows and columns that a naive comparison finds', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, async ({ one, other }) => {
        await fill('one', one);
        await fill('other', other);
        const comparison = await compared();
        const expected = naively(one, other);
        expect(told(comparison)).toEqual(expected);
        expect(comparison.equal).toBe(expected.length === 0);
        expect(comparison.tables).toMatchObject([
          { rowsBefore: one.length, rowsAfter: other.length, differencesTotal: expected.length },
        ]);
      }),
      { numRuns: 150 },
    );
  });

  test('looks only at the buckets that differ when there are many, and counts all even if it lists few', async () => {
    await client.query(`truncate one.things, other.things`);
    for (const schema of ['one', 'other']) {
      await client.query(
        `insert into ${schema}.things (kind, id, amount) select 'k', n, n from generate_series(1, 5000) n`,
      );
    }
    await client.query(`update other.things set amount = amount + 1 where id in (7, 4242)`);
    await client.query(`update other.things set amount = case id when 1 then 2 else 1 end where id in (1, 2)`);
    const comparison = await compared([], 1);
    expect(comparison).toMatchObject({
      equal: false,
      tables: [{ rowsBefore: 5000, rowsAfter: 5000, differencesTotal: 4, shape: [] }],
    });
    expect(comparison.tables[0]?.differences).toHaveLength(1);
    expect(comparison.tables[0]?.bucketsDiffering).toBeLessThanOrEqual(4);
  });

  test('knows a number in JSON whichever way it was written, and only numbers', async () => {
    await fill('one', []);
    await fill('other', []);
    await client.query(`insert into one.things (kind, id, data) values ('n', 1, '{"a": 1.0}'), ('t', 1, '"1.0"')`);
    await client.query(`insert into other.things (kind, id, data) values ('n', 1, '{"a": 1.00}'), ('t', 1, '"1.00"')`);
    await client.query(`update one.things set words = '1.0'`);
    await client.query(`update other.things set words = '1.00'`);
    expect(told(await compared())).toEqual(['changed n\u00001 words', 'changed t\u00001 data,words']);
  });
});

describe('a comparison with expected differences', () => {
  const old = table({ name: 'people', columns: { id: 'text', age: 'integer', nick: 'text?' }, key: ['id'] });
  const now = table({ name: 'people', columns: { id: 'text', age: 'bigint', mail: 'text?' }, key: ['id'] });
  const gone = table({ name: 'gone', columns: { id: 'text' }, key: ['id'] });
  const sides = { before: { old, gone }, after: { now } };

  beforeAll(async () => {
    for (const made of [createTable('one', old), createTable('one', gone), createTable('other', now)]) {
      await client.query(made);
    }
    await client.query(`insert into one.people values ('ada', 36, 'a'), ('bob', 5, 'b'), ('eve', 7, null)`);
    await client.query(`insert into other.people values ('ada', 36, 'm'), ('bob', 6, 'm'), ('new', 1, null)`);
    await client.query(`insert into one.gone values ('x')`);
  });

  async function expecting(...names: readonly string[]): Promise<Comparison> {
    const expected = parseExpectedDifferences(names, sides.before, sides.after);
    await client.query('begin isolation level repeatable read');
    const before = { client, schema: 'one', tables: sides.before };
    const comparison = await compareTables(before, { client, schema: 'other', tables: sides.after }, expected);
    await client.query('commit');
    return comparison;
  }

  const shapes = ({ tables }: Comparison) => tables.flatMap(({ shape }) => shape.map(({ name }) => name));

  test('takes what only one side has for a difference until it is named', async () => {
    const comparison = await expecting();
    expect(shapes(comparison)).toEqual(['gone', 'people.mail', 'people.nick']);
    expect(comparison.tables.map(({ rowsBefore, rowsAfter }) => [rowsBefore, rowsAfter])).toEqual([
      [1, 0],
      [3, 3],
    ]);
    expect(comparison.tables[1]).toMatchObject({
      differencesTotal: 3,
      differences: [
        { key: { id: 'bob' }, kind: 'changed', columns: { age: { before: 5, after: 6 } } },
        { key: { id: 'eve' }, kind: 'missing', columns: { age: { before: 7, after: null } } },
        { key: { id: 'new' }, kind: 'added', columns: { age: { before: null, after: 1 } } },
      ],
    });
  });

  test('lets through what was named and nothing else', async () => {
    const named = ['gone', 'people.nick', 'people.mail', 'people:+rows', 'people:-rows'];
    const comparison = await expecting(...named);
    expect(shapes(comparison)).toEqual([]);
    expect(comparison.equal).toBe(false);
    expect(comparison.tables[1]?.differences).toMatchObject([{ key: { id: 'bob' } }]);
    expect(comparison.tables.flatMap(({ expectedApplied }) => expectedApplied).sort()).toEqual([...named].sort());
    expect(await expecting(...named, 'people.age')).toMatchObject({ equal: true });
    expect(await expecting('gone', 'people')).toMatchObject({ equal: true });
    expect((await expecting(...named.slice(0, 4), 'people.age')).tables[1]).toMatchObject({ differencesTotal: 1 });
  });
});

describe('the order of keys', () => {
  test('is that of PostgreSQL', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(texts, { minLength: 2, maxLength: 20 }), async (all) => {
        const { rows: sorted } = await client.query(
          `select array(select t from unnest($1::text[]) t order by t collate "C") as sorted`,
          [all],
        );
        expect([{ sorted: [...all].sort(byteOrder) }]).toEqual(sorted);
      }),
      { numRuns: 50 },
    );
  });
});
