import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { literal, named, type Duck } from './duck.js';

/** As much of the database as is needed. */
export interface ReadModelPool extends Querying {
  connect(): Promise<Querying & { release(destroy: boolean): void }>;
}

interface Querying {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

const Column = z.object({ name: z.string(), type: z.string() });
type Column = z.output<typeof Column>;

/** The read models as readers see them: the views of schema `read`. */
export async function readModelTables(pool: ReadModelPool): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query(
    `select table_name as name from information_schema.tables where table_schema = 'read'`,
  );
  return new Set(
    z
      .array(z.object({ name: z.string() }))
      .parse(rows)
      .map(({ name }) => name),
  );
}

/**
 * Copies read models into schema `read` of the analytical database, all as of one moment. They are read through a cursor, so
 * that one of any size takes no memory here, in a transaction that can write nothing.
 */
export async function copyReadModels(
  pool: ReadModelPool,
  duck: Duck,
  folder: string,
  tables: readonly string[],
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    await duck.connection.run('create schema if not exists read');
    for (const table of tables) await copy(client, duck, folder, table);
    await client.query('commit');
  } finally {
    client.release(true);
  }
}

const rowsAtOnce = 5_000;

async function copy(client: Querying, duck: Duck, folder: string, table: string): Promise<void> {
  const columns = z.array(Column).parse((await client.query(columnsOf, [table])).rows);
  const path = join(folder, `read-${table}.ndjson`);
  const file = openSync(path, 'w');
  try {
    await client.query(
      `declare copied no scroll cursor for select ${columns.map(asText).join(', ')} from read.${named(table)}`,
    );
    for (;;) {
      const { rows } = await client.query(`fetch ${String(rowsAtOnce)} from copied`);
      if (rows.length === 0) break;
      writeSync(file, `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`);
    }
    await client.query('close copied');
  } finally {
    closeSync(file);
  }
  const texts = columns.map(({ name }) => `${literal(name)}: 'VARCHAR'`).join(', ');
  await duck.connection.run(
    `create table read.${named(table)} as select ${columns.map(asValue).join(', ')}
     from read_json(${literal(path)}, format = 'newline_delimited', columns = {${texts}})`,
  );
  rmSync(path);
}

const columnsOf = `
  select column_name as name, udt_name as type from information_schema.columns
  where table_schema = 'read' and table_name = $1 order by ordinal_position`;

/** Everything travels as text: no number loses a digit on the way. */
function asText({ name, type }: Column): string {
  return type === 'timestamptz'
    ? `to_char(${named(name)} at time zone 'UTC', ${isoFormat}) as ${named(name)}`
    : `${named(name)}::text`;
}

const isoFormat = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;

function asValue({ name, type }: Column): string {
  return `${named(name)}::${types[type] ?? 'VARCHAR'} as ${named(name)}`;
}

/** Of PostgreSQL, the types that read models have. Any other stays a text. */
const types: Readonly<Record<string, string>> = {
  int2: 'SMALLINT',
  int4: 'INTEGER',
  int8: 'BIGINT',
  float4: 'FLOAT',
  float8: 'DOUBLE',
  bool: 'BOOLEAN',
  uuid: 'UUID',
  date: 'DATE',
  timestamptz: 'TIMESTAMPTZ',
  timestamp: 'TIMESTAMP',
  json: 'JSON',
  jsonb: 'JSON',
};
