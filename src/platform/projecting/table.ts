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

export type Row<T extends Table> = { readonly [Column in keyof T['columns']]: Value<T['columns'][Column] & string> };
export type KeyOf<T extends Table> = Pick<Row<T>, T['key'][number] & keyof T['columns']>;
/** The columns of a row that are not its key. */
export type Rest<T extends Table> = Omit<Row<T>, T['key'][number]>;
/** The columns that can be added to. */
export type Sums<T extends Table> = {
  readonly [Column in keyof Rest<T> as NonNullable<Rest<T>[Column]> extends number ? Column : never]?: number;
};

export function table<const Columns extends ColumnTypes, const Key extends keyof Columns & string>(definition: {
  readonly name: string;
  readonly columns: Columns;
  readonly key: readonly Key[];
  readonly indexes?: readonly (readonly (keyof Columns & string)[])[];
}): Table<Columns, Key> {
  return { indexes: [], ...definition };
}
