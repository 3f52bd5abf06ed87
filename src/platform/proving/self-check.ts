import { z } from 'zod';
import type { Database } from '../database/database.js';
import type { EventStore } from '../event-store/event-store.js';
import { layoutOf } from '../projecting/columns.js';
import { isDataError } from '../projecting/failure.js';
import { FoldFailed } from '../projecting/fold.js';
import type { Projection } from '../projecting/projection.js';
import type { Table } from '../projecting/table.js';
import { canonicalTextSql, comparedColumns, type ComparedColumns } from './canonical-rows.js';
import { contributors, type RowHistory } from './contributors.js';
import { tablesByName } from './expected-differences.js';
import { tableSql } from './fingerprints.js';
import { inSnapshot, liveBuildOf, type LiveBuild } from './live-build.js';
import { RefoldTooLarge, type MemoryFold, type MemoryRow } from './memory-fold.js';
import { differingPairs } from './merged-rows.js';
import type { Querying } from './querying.js';
import { refold } from './refold.js';
import { differenceOf, isDifferent, type RowDifference } from './row-differences.js';
import { rowPages, textRowsSql, TextRows, type TextRow } from './row-pages.js';
import { isSampled, sampledSql, sampleOf, type Sample } from './sample.js';

/**
 * Whether some rows of a live read model are what the log makes of them. One short snapshot fixes the rows and the position
 * they are at; then the log is folded up to there in memory, while the read model goes on.
 */
export async function selfCheck(order: SelfCheckOrder): Promise<SelfCheck> {
  const seen = await inSnapshot(order.database, (client) => lookAt(client, order));
  if ('skipped' in seen) return { projection: order.projection.name, outcome: 'skipped', why: seen.skipped };
  const { build, samples } = seen;
  try {
    const folded = await fold(order, build, samples);
    return await compared(order, seen, folded);
  } catch (error) {
    return { projection: order.projection.name, outcome: 'skipped', why: reasonOf(error) };
  }
}

export interface SelfCheckOrder {
  readonly database: Pick<Database, 'pool'>;
  readonly store: Pick<EventStore, 'readAll'>;
  readonly projection: Projection;
  /** About how many rows of each table. */
  readonly rowsWanted?: number;
  /** The same rows as another time, where the read model is still that build. */
  readonly again?: { readonly build: string; readonly samples: Samples } | undefined;
  readonly rowsMax?: number;
  readonly rest?: (pageMs: number) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** By the name of the table. */
export type Samples = Readonly<Record<string, Sample>>;

export type SelfCheck =
  | { readonly projection: string; readonly outcome: 'skipped'; readonly why: string }
  | {
      readonly projection: string;
      readonly outcome: 'clean' | 'mismatch';
      readonly build: string;
      readonly position: bigint;
      readonly samples: Samples;
      /** How many were compared. */
      readonly rows: number;
      /** Before: what the table holds. After: what the log makes of it. */
      readonly differences: readonly RowDifference[];
      readonly differencesTotal: number;
      /** The newest events of the rows that differ. */
      readonly histories: readonly RowHistory[];
    };

const rowsWantedDefault = 1_000;
/** Rows of tables that the fold reads are all kept in memory while it runs. */
const rowsMaxDefault = 500_000;
const sampledRowsMax = 50_000;
const differencesMax = 20;
const eventsOfEachMax = 5;

interface Seen {
  readonly build: LiveBuild;
  readonly samples: Samples;
  readonly live: ReadonlyMap<string, readonly TextRow[]>;
}

async function lookAt(client: Querying, order: SelfCheckOrder): Promise<Seen | { readonly skipped: string }> {
  const { projection, again } = order;
  await client.query(canonicalTextSql);
  const build = await liveBuildOf(client, projection);
  if (build === undefined) return { skipped: `${projection.name} has not been built yet.` };
  if (build.version !== projection.version) {
    return { skipped: `${projection.name}: version ${String(build.version)} is live, and this program has another.` };
  }
  const samples: Record<string, Sample> = {};
  const live = new Map<string, readonly TextRow[]>();
  for (const table of Object.values(projection.tables)) {
    const former = again?.build === build.build ? again.samples[table.name] : undefined;
    const sample = former ?? (await newSample(client, build, table, order.rowsWanted ?? rowsWantedDefault));
    const rows = await sampledRows(client, build, table, sample);
    if (rows === undefined) return { skipped: `The keys of ${table.name} cannot be sampled.` };
    samples[table.name] = sample;
    live.set(table.name, rows);
  }
  return { build, samples, live };
}

async function newSample(
  client: Querying,
  { schema }: LiveBuild,
  { name }: Table,
  rowsWanted: number,
): Promise<Sample> {
  const { rows } = await client.query(`select count(*) as rows from ${tableSql(schema, name)}`);
  return sampleOf(Counted.parse(rows)[0].rows, rowsWanted);
}

const Counted = z.tuple([z.object({ rows: z.coerce.number() })]);

/** Undefined if they are far too many. */
async function sampledRows(
  client: Querying,
  { schema }: LiveBuild,
  table: Table,
  sample: Sample,
): Promise<readonly TextRow[] | undefined> {
  const where = sampledSql(sample, layoutOf(table));
  const all: TextRow[] = [];
  const pages = rowPages(client, { from: tableSql(schema, table.name), columns: comparedColumns(table), where });
  for await (const page of pages) {
    all.push(...page);
    if (all.length > sampledRowsMax) return undefined;
  }
  return all;
}

function fold(order: SelfCheckOrder, { position, without }: LiveBuild, samples: Samples): Promise<MemoryFold> {
  const rowsMax = order.rowsMax ?? rowsMaxDefault;
  return refold({
    ...order,
    upTo: position,
    without,
    begin: () => ({
      rowsMax,
      keep: (layout, _, key) => isSampled(samples[layout.table.name] ?? everything, layout, key),
    }),
  });
}

const everything: Sample = { of: 1, part: 0 };

async function compared(order: SelfCheckOrder, seen: Seen, folded: MemoryFold): Promise<SelfCheck> {
  const { projection } = order;
  const { build, samples, live } = seen;
  let [rows, differencesTotal] = [0, 0];
  const differences: RowDifference[] = [];
  for (const [name, table] of tablesByName(projection.tables)) {
    const layout = layoutOf(table);
    const sampled = [...folded.of(name).values()].filter((row) => isSampled(samples[name] ?? everything, layout, row));
    const should = await inSnapshot(order.database, (client) => asTexts(client, table, sampled));
    const is = live.get(name) ?? [];
    rows += new Set([...is, ...should].map(({ key }) => key)).size;
    const found = await differencesBetween(table, is, should);
    differencesTotal += found.length;
    differences.push(...found.slice(0, differencesMax - differences.length));
  }
  const outcome = differencesTotal === 0 ? 'clean' : 'mismatch';
  const { build: number, position } = build;
  const histories = await historiesOf(order, build, differences);
  return {
    projection: projection.name,
    outcome,
    build: number,
    position,
    samples,
    rows,
    differences,
    differencesTotal,
    histories,
  };
}

async function historiesOf(
  order: SelfCheckOrder,
  { position, without }: LiveBuild,
  differences: readonly RowDifference[],
): Promise<readonly RowHistory[]> {
  if (differences.length === 0) return [];
  const rowsMax = order.rowsMax ?? rowsMaxDefault;
  return contributors({
    ...order,
    wanted: differences,
    upTo: position,
    without,
    newestMax: eventsOfEachMax,
    rowsMax,
  });
}

/** What PostgreSQL would read if these rows were in the table: so that both sides are written by the same hand. */
async function asTexts(client: Querying, table: Table, rows: readonly MemoryRow[]): Promise<readonly TextRow[]> {
  await client.query(canonicalTextSql);
  const columns: ComparedColumns = comparedColumns(table);
  const all = [...columns.key, ...columns.rest];
  const from = `unnest(${all.map(({ sql }, at) => `$${String(at + 1)}::${sql}[]`).join(', ')}) as given (${all.map(({ name }) => `"${name}"`).join(', ')})`;
  const arrays = all.map(({ name, encode }) => rows.map((row) => encode(row[name] ?? null)));
  return TextRows.parse((await client.query(`${textRowsSql(columns, from)} order by key`, arrays)).rows);
}

async function differencesBetween(
  table: Table,
  is: readonly TextRow[],
  should: readonly TextRow[],
): Promise<readonly RowDifference[]> {
  const columns = comparedColumns(table);
  const found: RowDifference[] = [];
  for await (const pairs of differingPairs(onePage(is), onePage(should))) {
    const differing = pairs.filter((pair) => isDifferent(columns, pair));
    found.push(...differing.map((pair) => differenceOf(table.name, columns, pair)));
  }
  return found.map((each) => withoutRounding(table, each)).filter((each) => each !== undefined);
}

async function* onePage(rows: readonly TextRow[]): AsyncGenerator<readonly TextRow[]> {
  yield await Promise.resolve(rows);
}

/** What the fold of today cannot do again; whatever else goes wrong has nothing to do with the rows. */
function reasonOf(error: unknown): string {
  if (error instanceof RefoldTooLarge) return error.message;
  if (error instanceof FoldFailed) return `${error.message} The read model took that event once.`;
  if (isDataError(error)) return 'The fold makes rows that the tables cannot hold.';
  throw error;
}

/** Fractions add up a little differently when the events are cut into other batches. */
function withoutRounding(table: Table, difference: RowDifference): RowDifference | undefined {
  if (difference.kind !== 'changed') return difference;
  const columns = Object.fromEntries(
    Object.entries(difference.columns).filter(
      ([name, { before, after }]) =>
        !(table.columns[name]?.startsWith('double') === true && isNear(Number(before), Number(after))),
    ),
  );
  return Object.keys(columns).length === 0 ? undefined : { ...difference, columns };
}

function isNear(one: number, other: number): boolean {
  return Math.abs(one - other) <= 1e-9 * Math.max(Math.abs(one), Math.abs(other));
}
