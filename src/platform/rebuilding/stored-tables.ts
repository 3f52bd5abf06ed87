import { z } from 'zod';
import type { TableSet } from '../projecting/projection.js';
import type { ColumnTypes, Table } from '../projecting/table.js';
import type { Querying } from '../proving/querying.js';

/**
 * The tables of a build as the database has them. The code knows those of its own version only; the build that it is compared
 * with, or that readers go back to, may be of another.
 */
export async function storedTables(within: Querying, schema: string): Promise<TableSet> {
  const { rows } = await within.query(
    `select c.relname as name,
       json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then '' else '?' end
         order by a.attnum) as columns,
       (select json_agg(k.attname order by array_position(i.indkey::int2[], k.attnum))
        from pg_index i join pg_attribute k on k.attrelid = c.oid and k.attnum = any(i.indkey)
        where i.indrelid = c.oid and i.indisprimary) as key
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where n.nspname = $1 and c.relkind = 'r'
     group by c.oid, c.relname order by c.relname`,
    [schema],
  );
  return Object.fromEntries(StoredTables.parse(rows).map((table) => [table.name, tableOf(table)]));
}

const StoredType = z
  .string()
  .transform((type) => type.replace('double precision', 'double').replace('timestamp with time zone', 'timestamptz'))
  .pipe(
    z.templateLiteral([
      z.enum(['text', 'integer', 'bigint', 'double', 'boolean', 'timestamptz', 'jsonb']),
      z.enum(['', '?']),
    ]),
  );

const StoredTables = z.array(
  z.object({ name: z.string(), columns: z.record(z.string(), StoredType), key: z.array(z.string()) }),
);

function tableOf({ name, columns, key }: z.infer<typeof StoredTables>[number]): Table {
  const types: ColumnTypes = columns;
  return { name, columns: types, key, indexes: [] };
}
