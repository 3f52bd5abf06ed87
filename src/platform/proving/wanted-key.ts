import type { Json } from '../../kernel/event-family.js';
import { layoutOf, type Column } from '../projecting/columns.js';
import type { Projection } from '../projecting/projection.js';
import type { Table } from '../projecting/table.js';

/** A table that somebody named, and whose it is. */
export interface NamedTable {
  readonly projection: Projection;
  readonly table: Table;
}

export function tableNamed(projections: readonly Projection[], name: string): NamedTable {
  for (const projection of projections) {
    const table = Object.values(projection.tables).find((each) => each.name === name);
    if (table !== undefined) return { projection, table };
  }
  const known = projections.flatMap(({ tables }) => Object.values(tables).map((table) => table.name));
  throw new KeyRefused(`There is no table ${name}. There are ${known.sort().join(', ')}.`);
}

/** `column=value` for every column of the key, in any order, or only the values, in the order of the key. */
export function parseKey(table: Table, given: readonly string[]): Readonly<Record<string, Json>> {
  const columns = layoutOf(table).key;
  const names = columns.map(({ name }) => name);
  const pairs = given.map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)] as const);
  const isNamed =
    given.length > 0 && given.every((part, at) => part.includes('=') && names.includes(pairs[at]?.[0] ?? ''));
  const texts = new Map(isNamed ? pairs : given.map((part, at) => [names[at] ?? '', part]));
  const isWhole = given.length === names.length && names.every((name) => texts.has(name));
  if (!isWhole) {
    const described = columns.map(({ name, type }) => `${name} (${type})`).join(', ');
    throw new KeyRefused(
      `A row of ${table.name} is named by ${described}: give ${names.map((name) => `${name}=…`).join(' ')}, or the values in this order.`,
    );
  }
  return Object.fromEntries(columns.map((column) => [column.name, parseValue(column, texts.get(column.name) ?? '')]));
}

function parseValue({ name, type }: Column, text: string): Json {
  switch (type) {
    case 'text':
      return text;
    case 'integer':
    case 'bigint':
    case 'double': {
      const value = Number(text);
      const isRight = text.trim() !== '' && (type === 'double' ? Number.isFinite(value) : Number.isSafeInteger(value));
      if (!isRight)
        throw new KeyRefused(`${name} must be a ${type === 'double' ? '' : 'whole '}number, not "${text}".`);
      return value;
    }
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw new KeyRefused(`${name} must be true or false, not "${text}".`);
      return text === 'true';
    case 'timestamptz': {
      const time = new Date(text);
      if (Number.isNaN(time.getTime())) throw new KeyRefused(`${name} must be a time such as 2026-01-31T12:00:00Z.`);
      return time.toISOString();
    }
    case 'jsonb':
      throw new KeyRefused(`${name} cannot be part of a key.`);
  }
}

/** What somebody asked for has no meaning here. The message is for them. */
export class KeyRefused extends Error {
  override readonly name = 'KeyRefused';
}
