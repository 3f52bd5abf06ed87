import { z } from 'zod';
import { columnsOf, type Column } from '../projecting/columns.js';
import { quoted } from '../projecting/ddl.js';
import type { Table } from '../projecting/table.js';
import type { Json } from '../../kernel/event-family.js';

/**
 * How a row is written when it is compared: its columns by name, each as PostgreSQL writes its value. Two values are written
 * alike exactly when they are the same value: null is no text at all, doubles are written with all their digits, times with
 * their microseconds; only in JSON a number may be written in two ways (1 and 1.0), which `sameValue` knows.
 */
export interface ComparedColumns {
  /** By name, not in the order of the key: two definitions may order it differently. */
  readonly key: readonly Column[];
  readonly rest: readonly Column[];
}

export function comparedColumns(table: Table, isCompared: (column: string) => boolean = () => true): ComparedColumns {
  const columns = [...columnsOf(table.columns)].sort((one, other) => (one.name < other.name ? -1 : 1));
  return {
    key: columns.filter(({ name }) => table.key.includes(name)),
    rest: columns.filter(({ name }) => !table.key.includes(name) && isCompared(name)),
  };
}

/** As text in SQL. Zero has a sign in a double and in nothing else: adding zero takes it away. */
export function textSql({ name, type }: Column): string {
  return type === 'double' ? `(${quoted(name)} + 0.0)::text` : `${quoted(name)}::text`;
}

/** One text for several columns, which no other values give: PostgreSQL quotes what needs it and leaves a null out. */
export function rowTextSql(columns: readonly Column[]): string {
  return `row(${columns.map(textSql).join(', ')})::text`;
}

/** To be run first in each transaction that compares: how times and doubles are written depends on these. */
export const canonicalTextSql = `
  select set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true),
         set_config('extra_float_digits', '1', true)`;

/** A value as its text, null for null. */
export type ValueText = string | null;

export function sameValue({ type }: Column, one: ValueText, other: ValueText): boolean {
  if (one === other) return true;
  if (type !== 'jsonb' || one === null || other === null) return false;
  return plainNumbers(one) === plainNumbers(other);
}

/** PostgreSQL keeps the zeros after a number's point as they were written, and writes no exponents. */
function plainNumbers(json: string): string {
  return json.replaceAll(/"(?:[^"\\]|\\.)*"|-?\d+\.\d+/g, (token) =>
    token.startsWith('"') ? token : token.replace(/\.?0+$/, ''),
  );
}

/** For people and JSON. A number that JSON's readers would round stays a text. */
export function shownValue({ type }: Column, text: ValueText): Json {
  if (text === null) return null;
  switch (type) {
    case 'text':
      return text;
    case 'integer':
    case 'bigint':
    case 'double':
      return String(Number(text)) === text && Number.isFinite(Number(text)) ? Number(text) : text;
    case 'boolean':
      return text === 'true' || text === 't';
    case 'timestamptz':
      return text.replace(' ', 'T').replace(/\+00$/, 'Z');
    case 'jsonb':
      return z.json().parse(JSON.parse(text));
  }
}
