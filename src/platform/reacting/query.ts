import type pg from 'pg';
import type { z } from 'zod';
import { StoreUnavailable } from '../event-store/errors.js';
import { isDataError } from '../projecting/failure.js';

/** Rows as their schema says. What the database cannot do just now is told apart from what it will never do. */
export async function query<Row>(
  { pool }: { readonly pool: pg.Pool },
  row: z.ZodType<Row>,
  text: string,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  const rows = await answer(pool, text, values);
  return rows.map((each) => row.parse(each));
}

async function answer(pool: pg.Pool, text: string, values: readonly unknown[]): Promise<readonly unknown[]> {
  try {
    const { rows } = await pool.query<Record<string, unknown>>(text, [...values]);
    return rows;
  } catch (error) {
    if (isDataError(error)) throw error;
    throw new StoreUnavailable('The database cannot be used.', { cause: error });
  }
}
