import type { Table } from '../projecting/table.js';
import type { TableSet } from '../projecting/projection.js';

/**
 * What somebody says will differ between two builds, and so does not count when they are compared. By name:
 *
 *   table           everything about the table, also that only one side has it
 *   table.column    the column, also that only one side has it
 *   table:+rows     rows that only the second side has
 *   table:-rows     rows that only the first side has
 */
export type ExpectedDifference =
  | { readonly kind: 'table'; readonly table: string; readonly name: string }
  | { readonly kind: 'column'; readonly table: string; readonly column: string; readonly name: string }
  | { readonly kind: 'rows'; readonly table: string; readonly only: 'before' | 'after'; readonly name: string };

/** Rejects names of nothing: a misspelt one would let nothing through, and one that grew stale nobody would notice. */
export function parseExpectedDifferences(
  names: readonly string[],
  before: TableSet,
  after: TableSet,
): readonly ExpectedDifference[] {
  const sides = [tablesByName(before), tablesByName(after)];
  return [...new Set(names)].map((name) => parse(name, sides));
}

/** What a new definition of the tables says by itself: whatever only one of them has, or has in another way. */
export function differencesOfDefinition(before: TableSet, after: TableSet): readonly ExpectedDifference[] {
  const [old, now] = [tablesByName(before), tablesByName(after)];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((name): readonly ExpectedDifference[] => {
    const [one, other] = [old.get(name), now.get(name)];
    const all = { kind: 'table', table: name, name } as const;
    if (one === undefined || other === undefined || !sameKey(one, other)) return [all];
    const columns = new Set([...Object.keys(one.columns), ...Object.keys(other.columns)]);
    const differing = [...columns].filter((column) => !sameKind(one.columns[column], other.columns[column])).sort();
    if (differing.some((column) => one.key.includes(column))) return [all];
    return differing.map((column) => ({ kind: 'column', table: name, column, name: `${name}.${column}` }));
  });
}

export function tablesByName(tables: TableSet): ReadonlyMap<string, Table> {
  return new Map(Object.values(tables).map((table) => [table.name, table]));
}

/** Rows are told apart by the same columns; in which order doesn't matter. */
export function sameKey(one: Table, other: Table): boolean {
  return [...one.key].sort().join() === [...other.key].sort().join();
}

/** Numbers are numbers, in whatever width, and whether a column may be null is seen in its rows. */
export function sameKind(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && kindOf(one) === kindOf(other);
}

function kindOf(type: string): string {
  const base = type.endsWith('?') ? type.slice(0, -1) : type;
  return ['integer', 'bigint', 'double'].includes(base) ? 'number' : base;
}

/** A name that names nothing, or something that cannot be left out. The message is for whoever wrote it. */
export class ExpectedDifferenceRefused extends Error {
  override readonly name = 'ExpectedDifferenceRefused';
}

function parse(name: string, sides: readonly ReadonlyMap<string, Table>[]): ExpectedDifference {
  const parts = /^(?<table>[^.:]+)(?:\.(?<column>[^.:]+)|:(?<sign>[+-])rows)?$/.exec(name)?.groups;
  const table = parts?.['table'];
  if (table === undefined) {
    throw new ExpectedDifferenceRefused(
      `"${name}" is not the name of a difference: write table, table.column, table:+rows or table:-rows.`,
    );
  }
  const found = sides.flatMap((side) => side.get(table) ?? []);
  if (found.length === 0) {
    const known = [...new Set(sides.flatMap((side) => [...side.keys()]))].sort().join(', ');
    throw new ExpectedDifferenceRefused(
      `"${name}" cannot be expected to differ: there is no table ${table}; there are ${known}.`,
    );
  }
  const { column, sign } = parts ?? {};
  if (sign !== undefined) return { kind: 'rows', table, only: sign === '+' ? 'after' : 'before', name };
  if (column === undefined) return { kind: 'table', table, name };
  refuseColumn(name, column, found);
  return { kind: 'column', table, column, name };
}

function refuseColumn(name: string, column: string, found: readonly Table[]): void {
  const columns = [...new Set(found.flatMap((table) => Object.keys(table.columns)))].sort();
  if (!columns.includes(column)) {
    throw new ExpectedDifferenceRefused(
      `"${name}" cannot be expected to differ: the table has no column ${column}; it has ${columns.join(', ')}.`,
    );
  }
  if (!found.some(({ key }) => key.includes(column))) return;
  throw new ExpectedDifferenceRefused(
    `"${name}" cannot be left out: rows are found by it, because it is part of the key. Name the whole table instead.`,
  );
}
