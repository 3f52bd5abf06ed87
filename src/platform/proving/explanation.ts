import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Json } from '../../kernel/event-family.js';
import type { Database } from '../database/database.js';
import type { EventStore } from '../event-store/event-store.js';
import { columnsOf, layoutOf } from '../projecting/columns.js';
import { quoted } from '../projecting/ddl.js';
import { canonicalTextSql, shownValue, textSql } from './canonical-rows.js';
import { contributors, valuesOf, type Contribution } from './contributors.js';
import { tableSql } from './fingerprints.js';
import { inSnapshot, liveBuildOf, type LiveBuild } from './live-build.js';
import type { Querying } from './querying.js';
import type { NamedTable } from './wanted-key.js';

/** Why a row is what it is: the row that readers see, and the events that made it. Serialisable as JSON. */
export interface Explanation {
  readonly projection: string;
  readonly table: string;
  readonly key: Readonly<Record<string, Json>>;
  readonly position: number;
  /** Of the build that readers see. */
  readonly version: number;
  /** Null when there is no such row. */
  readonly row: Readonly<Record<string, Json>> | null;
  /** What this program's fold makes of the events up to the position. */
  readonly folded: Readonly<Record<string, Json>> | null;
  readonly agrees: boolean;
  readonly events_total: number;
  /** Newest first. */
  readonly events: readonly Contribution[];
}

export async function explain(order: ExplainOrder): Promise<Explanation | undefined> {
  const { database, store, projection, table, key, limit, signal, rest } = order;
  const seen = await inSnapshot(database, async (client) => {
    const build = await liveBuildOf(client, projection);
    return build === undefined ? undefined : { build, row: await rowOf(client, build, order) };
  });
  if (seen === undefined) return undefined;
  const { build, row } = seen;
  const [history] = await contributors({
    projection,
    store,
    wanted: [{ table: table.name, key }],
    upTo: build.position,
    without: build.without,
    newestMax: limit,
    ...(signal !== undefined && { signal }),
    ...(rest !== undefined && { rest }),
  });
  const folded = history?.row ?? null;
  return {
    projection: projection.name,
    table: table.name,
    key,
    position: Number(build.position),
    version: build.version,
    row,
    folded,
    agrees: isDeepStrictEqual(asStored(row), asStored(folded)),
    events_total: history?.eventsTotal ?? 0,
    events: history?.events ?? [],
  };
}

export interface ExplainOrder extends NamedTable {
  readonly database: Pick<Database, 'pool'>;
  readonly store: Pick<EventStore, 'readAll'>;
  readonly key: Readonly<Record<string, Json>>;
  /** How many events are named. */
  readonly limit: number;
  readonly rest?: (pageMs: number) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** The columns that the live build has: while a new version is built, the program already knows others. */
async function rowOf(
  client: Querying,
  { schema }: LiveBuild,
  { table, key }: ExplainOrder,
): Promise<Readonly<Record<string, Json>> | null> {
  const { rows: found } = await client.query(
    'select attname as name from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped',
    [tableSql(schema, table.name)],
  );
  const present = Names.parse(found).map(({ name }) => name);
  const { key: keyColumns } = layoutOf(table);
  if (!keyColumns.every(({ name }) => present.includes(name))) return null;
  const columns = columnsOf(table.columns).filter(({ name }) => present.includes(name));
  await client.query(canonicalTextSql);
  const values = valuesOf(keyColumns, key);
  const { rows } = await client.query(
    `select array[${columns.map(textSql).join(', ')}] as texts from ${tableSql(schema, table.name)}
     where ${keyColumns.map(({ name, sql }, at) => `${quoted(name)} = $${String(at + 1)}::${sql}`).join(' and ')}`,
    keyColumns.map(({ name, encode }) => encode(values[name] ?? null)),
  );
  const [row] = Texts.parse(rows);
  if (row === undefined) return null;
  return Object.fromEntries(columns.map((column, at) => [column.name, shownValue(column, row.texts[at] ?? null)]));
}

const Names = z.array(z.object({ name: z.string() }));
const Texts = z.array(z.object({ texts: z.array(z.string().nullable()) }));

/** Times are written in two ways: PostgreSQL leaves out what is zero. */
function asStored(row: Readonly<Record<string, Json>> | null): Json {
  if (row === null) return null;
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'string' ? sameTime(value) : value]),
  );
}

function sameTime(text: string): string {
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) ? new Date(text).toISOString() : text;
}
