import type { Database } from '../database/database.js';
import { columnsOf } from './columns.js';
import { readRows } from './read-rows.js';
import type { ColumnTypes, RowOf } from './table.js';

/** Asks as `ReadModels` does, but always the same state. */
export interface Asking {
  query<const Columns extends ColumnTypes>(
    columns: Columns,
    sql: string,
    values?: readonly unknown[],
  ): Promise<readonly RowOf<Columns>[]>;
}

/**
 * Several questions to one state of some read models' tables, for answers that are too long for one. It keeps a connection for
 * as long as it takes, and what stands behind the tables' views stays what it is until then.
 */
export async function inReadSnapshot<Answer>(
  { pool }: Pick<Database, 'pool'>,
  tables: readonly string[],
  ask: (asking: Asking) => Promise<Answer>,
): Promise<Answer> {
  const client = await pool.connect();
  let isDone = false;
  try {
    await client.query('begin isolation level repeatable read read only');
    // Before the first question, which is what the snapshot is of.
    await client.query(`lock table ${tables.map((name) => `read."${name}"`).join(', ')} in access share mode`);
    const answer = await ask({
      query: (columns, text, values = []) => readRows(client, columnsOf(columns), { text, values }),
    });
    await client.query('commit');
    isDone = true;
    return answer;
  } finally {
    // Whatever a failure was in the middle of ends with the connection.
    client.release(!isDone);
  }
}
