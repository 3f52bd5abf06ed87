import { createHash } from 'node:crypto';
import { columnsOf, layoutOf } from './columns.js';
import type { Table } from './table.js';

/** The SQL that makes a build's tables, from their definition. */

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Updates leave half of each page free, so that a counter that changes all the time stays on its page and out of its indexes. */
export function createTable(schema: string, table: Table): string {
  const columns = columnsOf(table.columns).map(({ name, sql, nullable, missingSql }) => {
    const isKey = table.key.includes(name);
    return `${quoted(name)} ${sql}${nullable ? '' : ' not null'}${isKey ? '' : ` default ${missingSql}`}`;
  });
  const key = layoutOf(table).key.map(({ name }) => quoted(name));
  return `create table ${quoted(schema)}.${quoted(table.name)} (${columns.join(', ')}, primary key (${key.join(', ')}))
    with (fillfactor = 80)`;
}

export function createIndexes(schema: string, table: Table): readonly string[] {
  return table.indexes.map((columns, at) => {
    const name = quoted(`${table.name}_${String(at + 1)}`);
    const on = `${quoted(schema)}.${quoted(table.name)}`;
    return `create index if not exists ${name} on ${on} (${columns.map(quoted).join(', ')})`;
  });
}

export function createView(schema: string, table: Table): string {
  const columns = Object.keys(table.columns).map(quoted).join(', ');
  return `create view read.${quoted(table.name)} as select ${columns} from ${quoted(schema)}.${quoted(table.name)}`;
}

/** Tells whether a build's tables are the ones the code would make today. The fold is code and not part of it. */
export function definitionOf(tables: Readonly<Record<string, Table>>): string {
  const shapes = Object.values(tables)
    .map(({ name, columns, key, indexes }) => ({ name, columns: Object.entries(columns), key, indexes }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(shapes)).digest('hex').slice(0, 32);
}
