import type { Json } from '../../kernel/event-family.js';

/**
 * A read model's table, declared once: the engine makes the DDL of each build, the view in schema `read`, the multi-row
 * statements and the TypeScript type of a row from it.
 *
 * Columns are named as in SQL. A question mark makes a column nullable; key columns never are, because a null never equals
 * itself and the engine finds rows by key.
 */
export interface Table<Columns extends ColumnTypes = ColumnTypes, Key extends string = string> {
  readonly name: string;
  readonly columns: Columns;
  readonly key: readonly Key[];
  /** Secondary indexes, by columns. Built after a bulk load, before a build goes live. */
  readonly indexes: readonly (readonly string[])[];
}

export type ColumnType = keyof ValueOfColumn;
export type ColumnTypes = Readonly<Record<string, ColumnType | `${ColumnType}?`>>;

interface ValueOfColumn {
  text: string;
  integer: number;
  /** Read as a number: counters and positions stay below 2^53. */
  bigint: number;
  double: number;
  boolean: boolean;
  timestamptz: Date;
  jsonb: Json;
}

type Value<Type extends string> = Type extends `${infer Base extends ColumnType}?`
  ? ValueOfColumn[Base] | null
  : Type extends ColumnType
    ? ValueOfColumn[Type]
    : never;

/** Anything a column can hold. */
export type ColumnValue = ValueOfColumn[ColumnType] | null;

/** A row with these columns, of a table or of a query's answer. */
export type RowOf<Columns extends ColumnTypes> = {
  readonly [Column in keyof Columns]: Value<Columns[Column] & string>;
};
export type Row<T extends Table> = RowOf<T['columns']>;
export type KeyOf<T extends Table> = Pick<Row<T>, T['key'][number] & keyof T['columns']>;
/** The columns of a row that are not its key. */
export type Rest<T extends Table> = Omit<Row<T>, T['key'][number]>;
/** The columns that can be added to. */
export type Sums<T extends Table> = {
  readonly [Column in keyof Rest<T> as NonNullable<Rest<T>[Column]> extends number ? Column : never]?:
    number | undefined;
};
/** Columns to overwrite. One that is undefined is left alone. */
export type Settings<T extends Table> = { readonly [Column in keyof Rest<T>]?: Rest<T>[Column] | undefined };

export function table<const Columns extends ColumnTypes, const Key extends keyof Columns & string>(definition: {
  readonly name: string;
  readonly columns: Columns;
  readonly key: readonly Key[];
  readonly indexes?: readonly (readonly (keyof Columns & string)[])[];
}): Table<Columns, Key> {
  const table = { indexes: [], ...definition };
  refuseUnusable(table);
  return table;
}

/** What a change does to a row is kept as one bit per column, and a bit operation has 31 of them. */
const columnsBesidesKeyMax = 30;
/** PostgreSQL cuts longer names silently; the rest is room for the version. */
const nameCharactersMax = 48;

export function isStorableName(name: string): boolean {
  return name.length <= nameCharactersMax && /^[a-z][a-z0-9_]*$/.test(name);
}

function refuseUnusable({ name, columns, key }: Table): void {
  for (const used of [name, ...Object.keys(columns)]) {
    if (!isStorableName(used))
      throw new TypeError(`Table ${name}: "${used}" is not a name in lower case with underscores.`);
  }
  if (key.length === 0) throw new TypeError(`Table ${name} has no key.`);
  for (const column of key) {
    const type = columns[column] ?? 'missing?';
    if (type.endsWith('?') || type === 'jsonb')
      throw new TypeError(`Table ${name}: ${column} cannot be part of a key.`);
  }
  if (Object.keys(columns).length - key.length > columnsBesidesKeyMax) {
    throw new TypeError(`Table ${name} has more than ${String(columnsBesidesKeyMax)} columns besides its key.`);
  }
}
