import type pg from 'pg';
import { codeOf } from '../database/error-code.js';
import type { Column } from './columns.js';
import type { ColumnTypes, RowOf } from './table.js';

/** A pool, or a connection in the middle of a transaction. */
export type Querying = Pick<pg.ClientBase, 'query'>;

export interface Question {
  /** Prepares the statement once per connection. */
  readonly name?: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Rows as their columns describe them, checked: what the driver hands out is whatever PostgreSQL sent. */
export async function readRows<Columns extends ColumnTypes>(
  pool: Querying,
  columns: readonly Column[],
  query: Question,
): Promise<readonly RowOf<Columns>[]> {
  const rows = await ask(pool, query);
  const bigints = columns.filter(({ type }) => type === 'bigint').map(({ name }) => name);
  return rows.map((row) => {
    for (const name of bigints) if (typeof row[name] === 'string') row[name] = Number(row[name]);
    if (holds<Columns>(columns, row)) return row;
    throw new RowUnexpected(columns, row);
  });
}

async function ask(pool: Querying, query: Question): Promise<Record<string, unknown>[]> {
  try {
    return (await pool.query<Record<string, unknown>>({ ...query, values: [...query.values] })).rows;
  } catch (error) {
    if (codeOf(error) === undefinedTable) throw new ReadModelMissing(error);
    if (codeOf(error) === readRefused) throw new ReadModelRefused(error);
    throw error;
  }
}

const undefinedTable = '42P01';
/** Raised by `log.refuse_read`, with a sentence of ours. */
const readRefused = 'CH001';

/** No worker has made the read model yet. It will be there shortly after one has started. */
export class ReadModelMissing extends Error {
  override readonly name = 'ReadModelMissing';
  constructor(cause: unknown) {
    super('A read model has not been built yet.', { cause });
  }
}

/** Its rows were made from another log than the one there is now. A person has to rebuild it. */
export class ReadModelRefused extends Error {
  override readonly name = 'ReadModelRefused';
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : 'A read model is not shown until it is rebuilt.', { cause });
  }
}

/** The answer of a query is not what its columns said. */
class RowUnexpected extends Error {
  override readonly name = 'RowUnexpected';
  constructor(columns: readonly Column[], row: Readonly<Record<string, unknown>>) {
    const wrong = columns
      .filter((column) => !fits(column, row[column.name]))
      .map(({ name, type }) => `${name} is no ${type}`);
    super(`A row is not as declared: ${wrong.join(', ')}.`);
  }
}

function holds<Columns extends ColumnTypes>(
  columns: readonly Column[],
  row: Readonly<Record<string, unknown>>,
): row is RowOf<Columns> {
  return columns.every((column) => fits(column, row[column.name]));
}

function fits({ type, nullable, holds }: Column, value: unknown): boolean {
  return value === null ? nullable || type === 'jsonb' : holds(value);
}
