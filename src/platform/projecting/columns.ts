import { jsonArray, plainArray, textArray } from '../database/array-literal.js';
import type { ColumnType, ColumnTypes, ColumnValue, Table } from './table.js';

/** What PostgreSQL and the driver make of each column type. The only place to change when a type is added. */
interface ColumnKind {
  readonly sql: Exclude<ColumnType, 'double'> | 'double precision';
  /** The value in a new row that nothing was said about, and how it is written in SQL. */
  readonly missing: ColumnValue;
  readonly missingSql: string;
  /** As an element of an array parameter. */
  readonly encode: (value: ColumnValue) => ColumnValue;
  /** What `encode` gives for several rows, as an array. What is not of this type PostgreSQL refuses, and so blames the event. */
  readonly array: (encoded: readonly ColumnValue[]) => string;
  /** Whether a value that the driver read is one of this type. */
  readonly holds: (value: unknown) => boolean;
}

/** A value that no column can hold. Like what PostgreSQL refuses, it is the fault of one event. */
export class ValueUnstorable extends Error {
  override readonly name = 'ValueUnstorable';
}

const same = (value: ColumnValue): ColumnValue => value;
const isNumber = (value: unknown): boolean => typeof value === 'number';
const aNumber = { missing: 0, missingSql: '0', encode: same, array: plains, holds: isNumber } as const;

const kinds: Readonly<Record<ColumnType, ColumnKind>> = {
  text: {
    sql: 'text',
    missing: '',
    missingSql: `''`,
    encode: same,
    array: texts,
    holds: (value) => typeof value === 'string',
  },
  integer: { sql: 'integer', ...aNumber },
  bigint: { sql: 'bigint', ...aNumber },
  double: { sql: 'double precision', ...aNumber },
  boolean: {
    sql: 'boolean',
    missing: false,
    missingSql: 'false',
    encode: same,
    array: plains,
    holds: (value) => typeof value === 'boolean',
  },
  // A default is needed even where every fold sets the column: PostgreSQL checks `not null` before it looks for a conflict.
  timestamptz: {
    sql: 'timestamptz',
    missing: new Date(0),
    missingSql: `'epoch'`,
    encode: timestamp,
    array: texts,
    holds: (value) => value instanceof Date,
  },
  // The driver would write an array as a PostgreSQL array and a text as bare JSON.
  jsonb: {
    sql: 'jsonb',
    missing: null,
    missingSql: `'null'`,
    encode: jsonText,
    array: jsons,
    holds: () => true,
  },
};

function plains(encoded: readonly ColumnValue[]): string {
  return plainArray(encoded.map(String));
}

function texts(encoded: readonly ColumnValue[]): string {
  return textArray(encoded.map(asText));
}

function jsons(encoded: readonly ColumnValue[]): string {
  return jsonArray(encoded.map(asText));
}

function asText(value: ColumnValue): string | null {
  return typeof value === 'string' || value === null ? value : JSON.stringify(value);
}

function timestamp(value: ColumnValue): ColumnValue {
  if (!(value instanceof Date)) return value;
  if (Number.isNaN(value.getTime())) throw new ValueUnstorable('A time is not a time.');
  return value.toISOString();
}

function jsonText(value: ColumnValue): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new ValueUnstorable('A value cannot be written as JSON.', { cause });
  }
}

export interface Column extends ColumnKind {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
}

export function columnsOf(types: ColumnTypes): readonly Column[] {
  return Object.entries(types).map(([name, type]) => column(name, type));
}

function column(name: string, type: ColumnTypes[string]): Column {
  const nullable = type.endsWith('?');
  const base = nullable ? type.slice(0, -1) : type;
  if (!isColumnType(base)) throw new TypeError(`Column ${name} has the unknown type ${type}.`);
  const kind = kinds[base];
  if (!nullable) return { name, type: base, nullable, ...kind };
  const encode = (value: ColumnValue): ColumnValue => (value === null ? null : kind.encode(value));
  return { name, type: base, nullable, ...kind, missing: null, missingSql: 'null', encode };
}

function isColumnType(name: string): name is ColumnType {
  return Object.hasOwn(kinds, name);
}

/** The columns of a table as the engine needs them. In `rest`, a column's index is also its bit number. */
export interface Layout {
  readonly table: Table;
  readonly key: readonly Column[];
  readonly rest: readonly Column[];
  readonly places: ReadonlyMap<string, number>;
}

const layouts = new WeakMap<Table, Layout>();

export function layoutOf(table: Table): Layout {
  const known = layouts.get(table);
  if (known !== undefined) return known;
  const columns = columnsOf(table.columns);
  // In the order of the key, which is not always that of the columns.
  const key = table.key.flatMap((name) => columns.filter((each) => each.name === name));
  const rest = columns.filter(({ name }) => !table.key.includes(name));
  const layout = { table, key, rest, places: new Map(rest.map(({ name }, at) => [name, at])) };
  layouts.set(table, layout);
  return layout;
}
