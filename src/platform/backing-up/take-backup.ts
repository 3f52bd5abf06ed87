import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { z } from 'zod';
import type { Database } from '../database/database.js';
import { LinesHash, type End, type Head, type TableStart } from './backup-format.js';
import { durableTables } from './durable-tables.js';

/**
 * Everything that cannot be made again, as one moment has it, while the program goes on: all of it is read in one snapshot.
 *
 * The file gets its name when it is whole and on the disk. Whatever ends this before leaves at most a `.partial`.
 */
export async function takeBackup(database: Database, file: string, onRows: OnRows = () => undefined): Promise<Taken> {
  const partial = `${file}.partial`;
  const taken: { head?: Head; end?: End } = {};
  try {
    await pipeline(lines(database, taken, onRows), createGzip({ level: 6 }), createWriteStream(partial));
    await onDisk(partial);
    await rename(partial, file);
    await onDisk(dirname(file));
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  if (taken.head === undefined || taken.end === undefined)
    throw new TypeError('A backup without head or end was written.');
  return { head: taken.head, rows: taken.end.end.rows };
}

export interface Taken {
  readonly head: Head;
  readonly rows: Readonly<Record<string, number>>;
}

export type OnRows = (rows: number, table: string) => void;

const pageRows = 2_000;

async function* lines(
  database: Database,
  taken: { head?: Head; end?: End },
  onRows: OnRows,
): AsyncGenerator<string, void, void> {
  const hash = new LinesHash();
  const line = (value: Head | TableStart | readonly unknown[]): string => {
    const text = JSON.stringify(value);
    hash.add(text);
    return `${text}\n`;
  };
  const connection = await database.pool.connect();
  let isWhole = false;
  try {
    await connection.query('begin isolation level repeatable read read only');
    await connection.query(`set local timezone = 'UTC'`);
    await connection.query(`set local datestyle = 'ISO'`);
    const migrations = await database.doneMigrations();
    taken.head = await headOf(connection, migrations);
    yield line(taken.head);
    const rows: Record<string, number> = {};
    for (const table of durableTables) {
      const start = await startOf(connection, table);
      yield line(start);
      rows[table] = 0;
      for await (const page of pagesOf(connection, start)) {
        rows[table] += page.length;
        onRows(page.length, table);
        yield page.map(line).join('');
      }
    }
    await connection.query('commit');
    isWhole = true;
    taken.end = { end: { rows, sha256: hash.hex() } };
    yield `${JSON.stringify(taken.end)}\n`;
  } finally {
    connection.release(!isWhole);
  }
}

interface Connection {
  query(
    text: string | { readonly text: string; readonly rowMode: 'array' },
    values?: unknown[],
  ): Promise<{ rows: unknown[] }>;
}

async function headOf(connection: Connection, migrations: readonly string[]): Promise<Head> {
  const { rows } = await connection.query(
    `select id::text, number::text, (select coalesce(max(position), 0)::text from log.events) as position,
       (select id::text from log.events order by position desc limit 1) as last
     from log.epoch`,
  );
  const [{ id, number, position, last }] = Standing.parse(rows);
  return {
    chorus_backup: 1,
    made_at: new Date().toISOString(),
    migrations: [...migrations],
    position,
    last_event: last,
    epoch: { id, number },
  };
}

/** From the catalog: a column that a later migration adds is in the next backup without anybody thinking of it. */
async function startOf(connection: Connection, table: string): Promise<TableStart> {
  const { rows } = await connection.query(
    `select attname::text as name, format_type(atttypid, atttypmod) as type from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
    [table],
  );
  return { table, columns: Columns.parse(rows).map(({ name, type }) => [name, type]) };
}

async function* pagesOf(
  connection: Connection,
  { table, columns }: TableStart,
): AsyncGenerator<readonly (readonly unknown[])[]> {
  const texts = columns.map(([name], at) => `"${name}"::text as c${String(at)}`).join(', ');
  const order = table === 'log.events' ? 'order by position' : '';
  await connection.query(`declare page no scroll cursor for select ${texts} from ${table} ${order}`);
  for (;;) {
    const { rows } = await connection.query({ text: `fetch ${String(pageRows)} from page`, rowMode: 'array' });
    if (rows.length === 0) break;
    yield Page.parse(rows);
  }
  await connection.query('close page');
}

async function onDisk(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const Standing = z.tuple([
  z.object({ id: z.string(), number: z.string(), position: z.string(), last: z.string().nullable() }),
]);
const Columns = z.array(z.object({ name: z.string(), type: z.string() }));
const Page = z.array(z.array(z.unknown()));
