import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Json, JsonObject } from '../../kernel/event-family.js';
import { quoted } from '../projecting/ddl.js';
import type { Table } from '../projecting/table.js';
import type { Compiled } from './question.js';
import { Row } from './rows-of.js';
import type { Scratch } from './scratch.js';

/**
 * What one question is answered differently by two scratch builds. A row that satisfies the question only then, or only now,
 * was removed or added.
 *
 * Both are in one database and nobody changes them, so one join tells it: no fingerprints and no common position are needed.
 */
export async function rowDifferences(
  [before, after]: readonly [Scratch, Scratch],
  { table, where, values }: Compiled,
  limit: number,
): Promise<TableDifferences> {
  const key = table.key.map(quoted).join(', ');
  const side = ({ schema }: Scratch): string =>
    `(select * from ${quoted(schema)}.${quoted(table.name)} where ${where})`;
  const { rows } = await before.pool.query(
    `select row_to_json(before) as before, row_to_json(after) as after, ${totals} from (
       select b as before, a as after, ${key} from ${side(before)} as b full join ${side(after)} as a using (${key})
       where b is distinct from a
     ) as differing order by ${key} limit ${String(limit)}`,
    [...values],
  );
  const found = z.array(Differing).parse(rows);
  const { added = 0, removed = 0, changed = 0 } = found[0] ?? {};
  return { table: table.name, added, removed, changed, differences: found.map((row) => difference(table, row)) };
}

/** Over all of them, before the limit. */
const totals = `
  count(*) filter (where before is not distinct from null) over () as added,
  count(*) filter (where after is not distinct from null) over () as removed,
  count(*) filter (where before is distinct from null and after is distinct from null) over () as changed`;

export interface TableDifferences extends JsonObject {
  readonly table: string;
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** The first of them, by key. */
  readonly differences: readonly RowDifference[];
}

export interface RowDifference extends JsonObject {
  readonly kind: 'added' | 'removed' | 'changed';
  readonly key: Row;
  /** Of a changed row those that changed, of another all besides the key. */
  readonly columns: Readonly<Record<string, ColumnDifference>>;
}

/** What there was, unless the row was added, and what there is, unless it was removed. */
interface ColumnDifference extends JsonObject {
  readonly before?: Json;
  readonly after?: Json;
}

const Differing = z.object({
  before: Row.nullable(),
  after: Row.nullable(),
  added: z.coerce.number(),
  removed: z.coerce.number(),
  changed: z.coerce.number(),
});

function difference(table: Table, { before, after }: z.output<typeof Differing>): RowDifference {
  const row = after ?? before ?? {};
  const key = Object.fromEntries(table.key.map((name) => [name, row[name] ?? null]));
  const rest = Object.keys(table.columns).filter((name) => !table.key.includes(name));
  const columns = rest.map((name) => [name, columnDifference(name, before, after)] as const);
  if (before === null) return { kind: 'added', key, columns: Object.fromEntries(columns) };
  if (after === null) return { kind: 'removed', key, columns: Object.fromEntries(columns) };
  const changed = columns.filter(([, column]) => !isDeepStrictEqual(column.before, column.after));
  return { kind: 'changed', key, columns: Object.fromEntries(changed) };
}

function columnDifference(name: string, before: Row | null, after: Row | null): ColumnDifference {
  return {
    ...(before !== null && { before: before[name] ?? null }),
    ...(after !== null && { after: after[name] ?? null }),
  };
}
