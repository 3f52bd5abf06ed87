import { columnsOf, type Column } from '../projecting/columns.js';
import { quoted } from '../projecting/ddl.js';
import type { Projection } from '../projecting/projection.js';
import type { ColumnType, Table } from '../projecting/table.js';
import { TravelRefused } from './refused.js';

/** Which rows of a read model somebody wants to see, in words that came from outside. */
export interface Question {
  /** Its name, or what the read model calls it. Absent: the first. */
  readonly table?: string | undefined;
  /** `column=value`; a row must satisfy all. */
  readonly where: readonly string[];
  /** `column`, `column desc, other`. Absent: by key. */
  readonly order?: string | undefined;
  readonly limit: number;
}

/** The same as parts of a statement. Nothing in the texts comes from outside but through a list of known names. */
export interface Compiled {
  readonly table: Table;
  readonly where: string;
  readonly order: string;
  readonly values: readonly string[];
}

export function compile(projection: Projection, question: Question): Compiled {
  const table = tableOf(projection, question.table);
  const columns = columnsOf(table.columns);
  const values: string[] = [];
  const conditions = question.where.map((text) => condition(table, columns, text, values));
  const order = question.order?.split(',').map((text) => direction(table, columns, text)) ?? [];
  // The key makes any order whole, so that asking again gives the same rows.
  const whole = [...order, ...table.key.map(quoted)];
  return { table, where: conditions.join(' and ') || 'true', order: whole.join(', '), values };
}

function tableOf({ name, tables }: Projection, wanted: string | undefined): Table {
  const all = Object.entries(tables);
  const found = wanted === undefined ? all[0] : all.find(([own, table]) => own === wanted || table.name === wanted);
  if (found !== undefined) return found[1];
  const names = all.map(([, table]) => table.name).join(', ');
  throw new TravelRefused(`${name} has no table "${String(wanted)}". It has: ${names}.`);
}

function condition(table: Table, columns: readonly Column[], text: string, values: string[]): string {
  const [name, operator, value] = partsOf(text);
  const column = columnNamed(table, columns, name);
  const of = quoted(column.name);
  if (value === 'null' && column.nullable) return nullness(of, operator, text);
  const { means, reads } = readers[column.type];
  if (!reads(value)) throw new TravelRefused(`"${text}": ${name} is ${means}.`);
  values.push(value);
  const parameter = `$${String(values.length)}::${column.sql}`;
  // A row without a value is not equal to any.
  return operator === '!=' ? `${of} is distinct from ${parameter}` : `${of} ${operator} ${parameter}`;
}

function partsOf(text: string): readonly [name: string, operator: string, value: string] {
  // Longer operators first: `>=` also begins with `>`.
  const [, name, operator, value] = /^\s*(\w+)\s*(!=|<=|>=|=|<|>)(.*)$/su.exec(text) ?? [];
  if (name !== undefined && operator !== undefined && value !== undefined) return [name, operator, value];
  throw new TravelRefused(`"${text}" is no condition. One is such as total>=3; the signs are = != < <= > >=.`);
}

function nullness(of: string, operator: string, text: string): string {
  if (operator === '=') return `${of} is null`;
  if (operator === '!=') return `${of} is not null`;
  throw new TravelRefused(`"${text}": null is only = or !=.`);
}

function direction(table: Table, columns: readonly Column[], text: string): string {
  const { name, way } = /^\s*(?<name>\w+)(\s+(?<way>asc|desc))?\s*$/iu.exec(text)?.groups ?? {};
  if (name === undefined) throw new TravelRefused(`"${text}" is no order. One is such as total desc.`);
  return `${quoted(columnNamed(table, columns, name).name)} ${way?.toLowerCase() === 'desc' ? 'desc nulls last' : 'asc'}`;
}

function columnNamed(table: Table, columns: readonly Column[], name: string): Column {
  const column = columns.find((each) => each.name === name);
  if (column !== undefined) return column;
  const names = columns.map((each) => each.name).join(', ');
  throw new TravelRefused(`${table.name} has no column "${name}". It has: ${names}.`);
}

interface Reader {
  readonly means: string;
  readonly reads: (text: string) => boolean;
}

const within = (least: bigint, most: bigint) => (text: string) =>
  /^-?\d{1,19}$/.test(text) && BigInt(text) >= least && BigInt(text) <= most;

const readers: Readonly<Record<ColumnType, Reader>> = {
  // PostgreSQL stores no NUL.
  text: { means: 'a text', reads: (text) => !text.includes('\0') },
  integer: { means: 'a whole number', reads: within(-(2n ** 31n), 2n ** 31n - 1n) },
  bigint: { means: 'a whole number', reads: within(-(2n ** 63n), 2n ** 63n - 1n) },
  double: { means: 'a number', reads: (text) => text.trim() !== '' && Number.isFinite(Number(text)) },
  boolean: { means: 'true or false', reads: (text) => text === 'true' || text === 'false' },
  timestamptz: {
    means: 'a time such as 2026-03-01T12:00:00Z',
    reads: (text) => /^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(Date.parse(text)),
  },
  jsonb: { means: 'JSON', reads: isJson },
};

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return !text.includes('\\u0000');
  } catch {
    return false;
  }
}
