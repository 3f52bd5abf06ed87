import { cpSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Duck } from '../../src/platform/analysing/duck.js';
import { exportEvents } from '../../src/platform/analysing/export.js';
import { formats, readManifest, writeManifest, type Format } from '../../src/platform/analysing/export-manifest.js';
import { answersTo, SqlMistake } from '../../src/platform/analysing/sql-question.js';
import { prepareTables } from '../../src/platform/analysing/sql-session.js';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { testFolder } from '../support/test-folder.js';
import { aLibrary, libraryCodec, libraryEvents } from './a-log.js';

const aFolder = () => mkdtempSync(join(testFolder(), 'sql-'));

let db: TestDatabase;
let store: PostgresEventStore;
const exports = new Map<Format, string>();

beforeAll(async () => {
  db = await aDatabase();
  store = new PostgresEventStore(db.database, libraryCodec(), {
    eventBytesMax: 100_000,
    appendEventsMax: 100,
    appendQueueMax: 100,
  });
  await aLibrary(60, store);
  await db.database.pool.query(`
    create table read.loans as select 'reader-' || n as reader, n as times, n * 9007199254740993 as many, n / 8.0::float8 as share,
      n % 2 = 0 as late, timestamptz '2026-01-01 10:00:00+02' + n * interval '1 day' as seen, jsonb_build_object('n', n) as more,
      case when n > 2 then 'a "quoted"' || E'\\n' || 'text' end as note
    from generate_series(1, 5) n`);
  const parts = { store, codec: libraryCodec(), families: [libraryEvents], chorus: '1' };
  for (const format of formats) {
    const folder = join(aFolder(), 'history');
    const by = format === 'csv' ? [] : (['type', 'day'] as const);
    await exportEvents(parts, { folder, format, by, selection: {}, append: false, memoryMb: 512, segmentEvents: 70 });
    exports.set(format, folder);
  }
});
afterAll(async () => {
  await store.close();
  await db.close();
});

/** What `chorus sql` answers; without `withLog` when an export holds all that is asked for. */
async function ask(sql: string, exported?: string, onIncomplete: (position: number) => void = () => undefined) {
  const folder = aFolder();
  using duck = await Duck.open({ folder, memoryMb: 512 });
  await prepareTables(sql, {
    duck,
    folder,
    families: [libraryEvents],
    exported,
    onIncomplete,
    withLog: (work) => work({ store, pool: db.database.pool }),
  });
  const { columns, pages } = await answersTo(duck, sql);
  const rows: unknown[] = [];
  for await (const page of pages) {
    rows.push(...page.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at]]))));
  }
  return rows;
}

const inPostgres = async (sql: string) => (await db.database.pool.query<Record<string, unknown>>(sql)).rows;

const questions = [
  `select type, count(*)::int as n, min(position)::int as first, max(version)::int as version from log.events group by type order by type`,
  `select stream, count(*)::int as n from log.events where type <> 'BookLent' group by stream order by n desc, stream limit 7`,
  `select data->>'to' as reader, sum((data->>'days')::int)::int as days from log.events where type = 'BookLent' group by 1 order by 1`,
  `select round(sum((data->>'price')::numeric(10, 2))::numeric, 2)::float8 as total from log.events where type = 'BookBought'`,
  `select id::text as id, metadata->>'correlationId' as why, data->>'note' as note from log.events where position % 3 = 0 order by position`,
  `select count(*)::int as n from log.events a join log.events b on a.stream = b.stream and a.version < b.version`,
];

describe('chorus sql', () => {
  test.each(questions)('answers what PostgreSQL answers: %s', async (sql) => {
    const expected = await inPostgres(sql);
    expect(expected.length).toBeGreaterThan(0);
    expect(await ask(sql)).toEqual(expected);
    for (const format of formats) expect([format, await ask(sql, exports.get(format))]).toEqual([format, expected]);
  });

  test('has a table per event type, with the fields of its data as typed columns', async () => {
    const sql = `select "to" as reader, sum(days) as days from BookLent group by all order by all`;
    const expected = await inPostgres(
      `select data->>'to' as reader, sum((data->>'days')::int)::int as days from log.events where type = 'BookLent' group by 1 order by 1`,
    );
    expect(await ask(sql)).toEqual(expected);
    expect(await ask(sql, exports.get('parquet'))).toEqual(expected);
    const described = `select column_name as name, column_type as type from (describe BookBought) where column_name in ('title', 'price', 'tags', 'data')`;
    expect(await ask(described)).toEqual([
      { name: 'title', type: 'VARCHAR' },
      { name: 'price', type: 'DOUBLE' },
      { name: 'tags', type: 'JSON' },
    ]);
    expect(
      await ask(`select title, price, tags from booklent join BookBought using (stream) where stream = 'book-1'`),
    ).toEqual([{ title: 'Book "1",\nvolume 1', price: 1.1, tags: ['new'] }]);
  });

  test('copies the read models that are asked for, without losing a digit', async () => {
    const sql = `select reader, times, many::text as many, share, late, seen::text as seen, more->>'n' as n, note from read.loans order by times`;
    const found = await ask(sql, exports.get('parquet'));
    const expected = await inPostgres(
      sql.replace('seen::text', `to_char(seen at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"+00"')`),
    );
    expect(found).toEqual(expected);
    await expect(ask('select * from read.lones')).rejects.toThrow(/no read model lones. There are: .*loans/);
  });

  test('tells a time as every program reads it', async () => {
    expect(await ask('select seen, seen::date as day from read.loans order by times limit 1')).toEqual([
      { seen: '2026-01-02T08:00:00Z', day: '2026-01-02' },
    ]);
  });

  test('asks an export that is not complete as far as it goes, and says so', async () => {
    const folder = join(aFolder(), 'history');
    cpSync(exports.get('ndjson') ?? '', folder, { recursive: true });
    const manifest = readManifest(folder);
    if (manifest === undefined) throw new Error('There is no export.');
    const files = manifest.files.slice(0, 1);
    writeManifest(folder, { ...manifest, complete: false, position: 90, files });
    const told: number[] = [];
    const answer = await ask('select count(*) as events from events', folder, (at) => void told.push(at));
    expect(answer).toEqual(files.map(({ events }) => ({ events })));
    expect(told).toEqual([90]);
  });

  test('counts what is larger than a number exactly', async () => {
    expect(await ask('select many from read.loans order by times limit 2')).toEqual([
      { many: '9007199254740993' },
      { many: '18014398509481986' },
    ]);
  });

  test('says where a question is wrong', async () => {
    const wrong = async (sql: string) => ask(sql).catch((error: unknown) => error);
    expect(await wrong('select typ from events')).toMatchObject({
      message: expect.stringMatching(/"typ" not found[^]*LINE 1/),
    });
    expect(await wrong('select type,\nfrom events where')).toMatchObject({
      message: expect.stringContaining('syntax error'),
    });
    expect(await wrong('select * from nothing')).toMatchObject({
      message: expect.stringContaining('nothing does not exist'),
    });
    expect(await wrong(`select 'x'::int`)).toBeInstanceOf(SqlMistake);
    expect(await wrong(' ')).toMatchObject({ message: 'There is no question.' });
    expect(await wrong('select 1; select 2')).toMatchObject({
      message: expect.stringContaining('one question at a time'),
    });
  });

  test('writes nothing, and sees nothing but what it was given', async () => {
    const folder = exports.get('parquet') ?? '';
    for (const sql of [
      'delete from events',
      `copy (select 1) to '${folder}/mine.csv'`,
      `attach '${folder}/mine.db'`,
      'create table mine (n int)',
    ]) {
      await expect(ask(sql, folder)).rejects.toThrow('nothing is written');
    }
    await expect(ask(`select * from read_text('/etc/hostname')`, folder)).rejects.toThrow('disabled by configuration');
    await expect(ask(`select * from read_csv('https://example.com/x.csv')`)).rejects.toThrow(SqlMistake);
  });
});
