import { z } from 'zod';
import { quoted } from '../projecting/ddl.js';
import type { Compiled } from './question.js';
import type { Scratch } from './scratch.js';

/** The rows of a scratch build that were asked for, and how many there are in all. Times are ISO texts, as in JSON. */
export async function rowsOf(
  scratch: Scratch,
  { table, where, order, values }: Compiled,
  limit: number,
): Promise<Found> {
  const from = `${quoted(scratch.schema)}.${quoted(table.name)}`;
  const { rows } = await scratch.pool.query(
    `select (select count(*) from ${from} where ${where}) as total,
       (select coalesce(json_agg(found), '[]')
        from (select * from ${from} where ${where} order by ${order} limit ${String(limit)}) as found) as rows`,
    [...values],
  );
  return z.tuple([Found]).parse(rows)[0];
}

export const Row = z.record(z.string(), z.json());
export type Row = z.output<typeof Row>;
const Found = z.object({ total: z.coerce.number(), rows: z.array(Row).readonly() });
export type Found = z.output<typeof Found>;
