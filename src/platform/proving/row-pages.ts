import { z } from 'zod';
import { rowTextSql, type ComparedColumns } from './canonical-rows.js';
import type { Querying } from './querying.js';

/** A row as it is compared. */
export interface TextRow {
  /** The key as PostgreSQL writes a row of its columns. */
  readonly key: string;
  /** The other columns, in the same way. Most rows are equal, and so never taken apart. */
  readonly rest: string;
}

export interface RowOrder {
  readonly from: string;
  readonly columns: ComparedColumns;
  /** A condition: only rows that meet it. */
  readonly where: string;
  readonly pageRows?: number;
}

let cursors = 0;

/** Rows, sorted by key as bytes, a page at a time: memory holds one page however many there are. */
export async function* rowPages(client: Querying, order: RowOrder): AsyncGenerator<readonly TextRow[]> {
  const { from, columns, where, pageRows = 2_000 } = order;
  cursors += 1;
  const cursor = `compared_${String(cursors)}`;
  await client.query(`
    declare ${cursor} no scroll cursor for
    ${textRowsSql(columns, from)} where ${where} order by key`);
  for (;;) {
    const rows = TextRows.parse((await client.query(`fetch ${String(pageRows)} from ${cursor}`)).rows);
    if (rows.length > 0) yield rows;
    if (rows.length < pageRows) break;
  }
  await client.query(`close ${cursor}`);
}

/** To be completed by conditions and an order. */
export function textRowsSql(columns: ComparedColumns, from: string): string {
  return `select ${rowTextSql(columns.key)} collate "C" as key, ${rowTextSql(columns.rest)} as rest from ${from}`;
}

export const TextRows = z.array(z.object({ key: z.string(), rest: z.string() }));
