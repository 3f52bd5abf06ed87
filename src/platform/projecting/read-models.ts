import { createHash } from 'node:crypto';
import { EntitySchema, type EntitySchemaColumnOptions } from 'typeorm';
import type { Database } from '../database/database.js';
import { codeOf } from '../database/error-code.js';
import { columnsOf, type Column } from './columns.js';
import { readRows } from './read-rows.js';
import type { ColumnTypes, Row, RowOf, Table } from './table.js';

/**
 * Questions to read models. They name `read.<table>`, never a build's schema, so a rebuild can change what stands behind it.
 *
 * A statement is prepared once per connection under a name made from its text: the texts should be constants of the program
 * and what varies a parameter. Where a switch changes the type of an answer's column, PostgreSQL refuses to use the statement
 * on that connection any more; it is then asked under another name.
 */
export class ReadModels {
  private readonly prepared = new Map<string, Prepared>();

  constructor(private readonly database: Pick<Database, 'pool'>) {}

  /** The rows of the answer, checked against `columns`: of a table (`answerCounts.columns`), or of exactly what is selected. */
  async query<const Columns extends ColumnTypes>(
    columns: Columns,
    sql: string,
    values: readonly unknown[] = [],
  ): Promise<readonly RowOf<Columns>[]> {
    const { pool } = this.database;
    const prepared = this.prepare(columns, sql);
    const { name } = prepared;
    try {
      return await readRows<Columns>(pool, prepared.columns, { name, text: sql, values });
    } catch (error) {
      if (!isOutdated(error)) throw error;
      // Many may fail together, and all of them go on under the same new name.
      if (prepared.name === name) prepared.name = `${name}'`;
      return await readRows<Columns>(pool, prepared.columns, { name: prepared.name, text: sql, values });
    }
  }

  private prepare(columns: ColumnTypes, sql: string): Prepared {
    let prepared = this.prepared.get(sql);
    if (prepared === undefined) {
      if (this.prepared.size >= preparedMax)
        throw new TypeError('Statements for read models must not be put together from values.');
      const hash = createHash('sha256').update(sql).digest('base64url').slice(0, 32);
      prepared = { name: `read-${hash}`, columns: columnsOf(columns) };
      this.prepared.set(sql, prepared);
    }
    return prepared;
  }
}

interface Prepared {
  name: string;
  readonly columns: readonly Column[];
}

/** "cached plan must not change result type" */
function isOutdated(error: unknown): boolean {
  return codeOf(error) === '0A000' && error instanceof Error && error.message.includes('cached plan');
}

/** A server keeps every prepared statement as long as its connection lives. */
const preparedMax = 2_000;
/** The view of a table's live build as a TypeORM entity, for queries that are easier to build than to write. Read-only. */
export function readModel<T extends Table>(table: T): EntitySchema<Row<T>> {
  const columns = Object.fromEntries(
    columnsOf(table.columns).map((column) => [column.name, columnOptions(table, column)]),
  );
  if (!describes(table, columns)) throw new TypeError(`Not every column of ${table.name} is described.`);
  const { name } = table;
  return new EntitySchema<Row<T>>({
    name: `read.${name}`,
    type: 'view',
    schema: 'read',
    tableName: name,
    expression: '',
    synchronize: false,
    columns,
  });
}

function columnOptions(table: Table, { name, type, sql, nullable }: Column): EntitySchemaColumnOptions {
  const primary = table.key.includes(name);
  return { type: sql, nullable, primary, ...(type === 'bigint' && { transformer: bigintAsNumber }) };
}

type EntityColumns<T extends Table> = { [Column in keyof Row<T>]: EntitySchemaColumnOptions };

function describes<T extends Table>(
  table: T,
  columns: Readonly<Record<string, EntitySchemaColumnOptions>>,
): columns is Record<string, EntitySchemaColumnOptions> & EntityColumns<T> {
  return Object.keys(table.columns).every((name) => Object.hasOwn(columns, name));
}

const bigintAsNumber = {
  from: (value: string | null): number | null => (value === null ? null : Number(value)),
  to: (value: number | null): number | null => value,
};
