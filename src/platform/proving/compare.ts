import { z } from 'zod';
import type { TableSet } from '../projecting/projection.js';
import type { Table } from '../projecting/table.js';
import { canonicalTextSql, comparedColumns, type ComparedColumns } from './canonical-rows.js';
import { sameKey, sameKind, tablesByName, type ExpectedDifference } from './expected-differences.js';
import { bucketSql, bucketsFor, fingerprintsOf, tableSql } from './fingerprints.js';
import { differingPairs, type RowPair } from './merged-rows.js';
import type { Querying } from './querying.js';
import { differenceOf, isDifferent, type RowDifference } from './row-differences.js';
import { rowPages } from './row-pages.js';

/**
 * Whether two builds hold the same: fingerprints of both sides first, then the rows of those buckets that differ, in one pass
 * over both. Exact: what the fingerprints find different is decided by the rows. Memory holds a page of rows of each side.
 */
export async function compareTables(
  before: Side,
  after: Side,
  expected: readonly ExpectedDifference[],
  limits: CompareLimits = {},
): Promise<Comparison> {
  for (const client of new Set([before.client, after.client])) await client.query(canonicalTextSql);
  const names = [...new Set([...tablesByName(before.tables).keys(), ...tablesByName(after.tables).keys()])].sort();
  const tables: TableComparison[] = [];
  for (const table of names) {
    limits.signal?.throwIfAborted();
    tables.push(await new TableComparing(table, before, after, { expected, limits }).compare());
  }
  return { equal: tables.every(({ shape, differencesTotal }) => shape.length + differencesTotal === 0), tables };
}

/** One build, as seen by the snapshot of a transaction. Both sides may be of the same transaction. */
export interface Side {
  /** Inside a REPEATABLE READ transaction. How it writes times and doubles is set for the rest of it. */
  readonly client: Querying;
  readonly schema: string;
  readonly tables: TableSet;
}

export interface CompareLimits {
  /** How many differences of a table are listed; all are counted. */
  readonly differencesMax?: number;
  readonly pageRows?: number;
  readonly signal?: AbortSignal;
}

/** Serialisable as JSON. */
export interface Comparison {
  /** But for what was expected. */
  readonly equal: boolean;
  readonly tables: readonly TableComparison[];
}

export interface TableComparison {
  readonly table: string;
  readonly rowsBefore: number;
  readonly rowsAfter: number;
  readonly bucketsDiffering: number;
  /** Which of the expected differences were left out of this comparison. */
  readonly expectedApplied: readonly string[];
  /** What only one side has at all, or has in another way. */
  readonly shape: readonly ShapeDifference[];
  /** The first of them, by key. */
  readonly differences: readonly RowDifference[];
  readonly differencesTotal: number;
}

export interface ShapeDifference {
  /** What to name if it is expected: `table` or `table.column`. */
  readonly name: string;
  readonly sentence: string;
}

const differencesMaxDefault = 20;

class TableComparing {
  private readonly limits: CompareLimits;
  private readonly expected: readonly ExpectedDifference[];
  private readonly one: Table | undefined;
  private readonly other: Table | undefined;

  constructor(
    private readonly table: string,
    private readonly before: Side,
    private readonly after: Side,
    { expected, limits }: { readonly expected: readonly ExpectedDifference[]; readonly limits: CompareLimits },
  ) {
    this.limits = limits;
    this.expected = expected.filter((each) => each.table === table);
    this.one = tablesByName(before.tables).get(table);
    this.other = tablesByName(after.tables).get(table);
  }

  async compare(): Promise<TableComparison> {
    const [rowsBefore, rowsAfter] = await this.ofBoth((side, has) => (has ? this.count(side) : Promise.resolve(0)));
    const counted = { table: this.table, rowsBefore, rowsAfter, bucketsDiffering: 0, expectedApplied: this.leftOut() };
    const nothing = { ...counted, shape: [], differences: [], differencesTotal: 0 };
    if (this.expected.some(({ kind }) => kind === 'table')) return nothing;
    const shape = this.shape();
    if (this.one === undefined || this.other === undefined || !sameKey(this.one, this.other)) {
      return { ...nothing, shape };
    }
    const columns = comparedColumns(this.other, (column) => this.isCompared(column));
    const buckets = bucketsFor(Math.max(rowsBefore, rowsAfter));
    const differing = await this.differingBuckets(columns, buckets);
    const found = await this.differingRows(columns, buckets, differing);
    return { ...counted, bucketsDiffering: differing.length, shape, ...found };
  }

  private async differingBuckets(columns: ComparedColumns, buckets: number): Promise<readonly number[]> {
    const prints = ({ client, schema }: Side) =>
      fingerprintsOf(client, { from: tableSql(schema, this.table), columns, buckets });
    const [one, other] = await this.ofBoth(prints);
    return [...new Set([...one.keys(), ...other.keys()])].filter((bucket) => one.get(bucket) !== other.get(bucket));
  }

  private async differingRows(
    columns: ComparedColumns,
    buckets: number,
    only: readonly number[],
  ): Promise<Pick<TableComparison, 'differences' | 'differencesTotal' | 'expectedApplied'>> {
    const { differencesMax = differencesMaxDefault, pageRows = 2_000 } = this.limits;
    const where = `${bucketSql(columns, buckets)} = any ('{${only.join()}}'::integer[])`;
    const pages = ({ client, schema }: Side) =>
      rowPages(client, { from: tableSql(schema, this.table), columns, where, pageRows });
    const differences: RowDifference[] = [];
    let differencesTotal = 0;
    const used = new Set(this.leftOut());
    if (only.length > 0) {
      for await (const pairs of differingPairs(pages(this.before), pages(this.after))) {
        this.limits.signal?.throwIfAborted();
        const unexpected = pairs.filter((pair) => !this.isExpected(pair, used) && isDifferent(columns, pair));
        differencesTotal += unexpected.length;
        for (const pair of unexpected.slice(0, differencesMax - differences.length)) {
          differences.push(differenceOf(this.table, columns, pair));
        }
      }
    }
    return { differences, differencesTotal, expectedApplied: [...used] };
  }

  private isExpected({ before, after }: RowPair, used: Set<string>): boolean {
    if (before !== undefined && after !== undefined) return false;
    const only = before === undefined ? 'after' : 'before';
    const expected = this.expected.find((each) => each.kind === 'rows' && each.only === only);
    if (expected !== undefined) used.add(expected.name);
    return expected !== undefined;
  }

  /** Tables and columns that were named are left out whether they differ or not. */
  private leftOut(): readonly string[] {
    return this.expected.filter(({ kind }) => kind !== 'rows').map(({ name }) => name);
  }

  private isCompared(column: string): boolean {
    if (this.isNamed(column)) return false;
    return sameKind(this.one?.columns[column], this.other?.columns[column]);
  }

  private isNamed(column: string): boolean {
    return this.expected.some((each) => each.kind === 'column' && each.column === column);
  }

  private shape(): readonly ShapeDifference[] {
    const { table, one, other } = this;
    if (one === undefined) return [{ name: table, sentence: `Only the new build has the table ${table}.` }];
    if (other === undefined) return [{ name: table, sentence: `Only the old build has the table ${table}.` }];
    if (!sameKey(one, other)) {
      const keys = `(${one.key.join(', ')}) in the old build, (${other.key.join(', ')}) in the new one`;
      return [{ name: table, sentence: `The key of ${table} is ${keys}: their rows cannot be compared.` }];
    }
    const columns = [...new Set([...Object.keys(one.columns), ...Object.keys(other.columns)])].sort();
    return columns
      .filter((column) => !sameKind(one.columns[column], other.columns[column]) && !this.isNamed(column))
      .map((column) => ({ name: `${table}.${column}`, sentence: columnSentence(column, one, other) }));
  }

  private async count({ client, schema }: Side): Promise<number> {
    const { rows } = await client.query(`select count(*) as rows from ${tableSql(schema, this.table)}`);
    return Counted.parse(rows)[0].rows;
  }

  /** One after the other: each keeps a processor of the database busy, and people wait for the others. */
  private async ofBoth<Found>(ask: (side: Side, has: boolean) => Promise<Found>): Promise<[Found, Found]> {
    const one = await ask(this.before, this.one !== undefined);
    return [one, await ask(this.after, this.other !== undefined)];
  }
}

const Counted = z.tuple([z.object({ rows: z.coerce.number() })]);

function columnSentence(column: string, one: Table, other: Table): string {
  const [before, after] = [one.columns[column], other.columns[column]];
  if (before === undefined) return `Only the new build's ${one.name} has the column ${column}.`;
  if (after === undefined) return `Only the old build's ${one.name} has the column ${column}.`;
  return `The column ${column} of ${one.name} is ${before} in the old build and ${after} in the new one.`;
}
