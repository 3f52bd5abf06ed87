import { z } from 'zod';
import { quoted } from '../projecting/ddl.js';
import { rowTextSql, type ComparedColumns } from './canonical-rows.js';
import type { Querying } from './querying.js';

/**
 * What a table holds, in a few numbers that don't depend on the order of its rows: for each bucket of keys the count of rows
 * and two sums of 64-bit hashes of each row's text.
 *
 * Sums, not exclusive-or: there, two rows of the same hash would vanish. They are added as numerics, so nothing overflows. The
 * two hashes have different seeds: for a difference to stay hidden, 128 bits would have to agree by chance. Hashes of
 * PostgreSQL's own row type would be faster, but fold a bigint or a time to 32 bits first, where 1 and 2^32 are the same.
 */
export async function fingerprintsOf(
  client: Querying,
  { from, columns, buckets }: FingerprintOrder,
): Promise<ReadonlyMap<number, string>> {
  const text = rowTextSql([...columns.key, ...columns.rest]);
  const { rows } = await client.query(`
    select bucket, count(*) || ' ' || sum(hashtextextended(line, 1)) || ' ' || sum(hashtextextended(line, 2)) as print
    from (select ${bucketSql(columns, buckets)} as bucket, ${text} as line from ${from}) as lines
    group by bucket`);
  return new Map(Prints.parse(rows).map(({ bucket, print }) => [bucket, print]));
}

export interface FingerprintOrder {
  /** What is selected from: a table's full name. */
  readonly from: string;
  readonly columns: ComparedColumns;
  readonly buckets: number;
}

const Prints = z.array(z.object({ bucket: z.number(), print: z.string() }));

export function tableSql(schema: string, table: string): string {
  return `${quoted(schema)}.${quoted(table)}`;
}

/** The bucket of a row, by its key alone: a row that changed is in the same bucket on both sides. */
export function bucketSql({ key }: ComparedColumns, buckets: number): string {
  return buckets === 1 ? '0' : `(hashtextextended(${rowTextSql(key)}, 0) & ${String(buckets - 1)})::integer`;
}

const rowsPerBucket = 256;
const bucketsMax = 16_384;

/** A power of two. So many that a single different row costs a look at few, so few that the sums are cheap to carry. */
export function bucketsFor(rows: number): number {
  return Math.min(bucketsMax, 2 ** Math.ceil(Math.log2(Math.max(1, rows / rowsPerBucket))));
}
