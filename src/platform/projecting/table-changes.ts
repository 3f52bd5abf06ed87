import { ChangedRows, type RowChange, type Values } from './changed-rows.js';
import { layoutOf, type Layout } from './columns.js';
import type { Rows } from './projection.js';
import type { ColumnValue, Table } from './table.js';

/**
 * What a batch does to one table, composed per key in the order of the calls, before anything is written.
 *
 * A row is in one of three states: `changed` (some columns added to or set, whatever the row was), `fresh` (it was removed
 * and made anew: its former values are gone) or `removed`. Columns are bits, so that rows which change alike are found by
 * comparing two numbers, and one statement writes them all.
 */
export class TableChanges implements Rows<Table> {
  readonly layout: Layout;
  readonly rows: ChangedRows;
  private readonly loaded = new Map<string, Values>();

  constructor(table: Table) {
    this.layout = layoutOf(table);
    this.rows = new ChangedRows(this.layout);
  }

  /** The rows that `reads` asked for, as they are in the database. `keys` are all that were asked for, found or not. */
  load(keys: Iterable<string>, rows: Iterable<Values>): void {
    for (const key of keys) this.loaded.set(key, absent);
    for (const row of rows) this.loaded.set(keyText(this.layout, row), row);
  }

  isLoaded(key: string): boolean {
    return this.loaded.has(key);
  }

  /**
   * Takes what an earlier batch left of these rows, as far as it knows them, and crosses them off. False: it changed one that it
   * never saw, so nobody knows that one before it is written.
   */
  inherit(keys: Map<string, Values>, earlier: TableChanges): boolean {
    for (const [text, key] of keys) {
      if (earlier.isLoaded(text)) {
        this.loaded.set(text, earlier.get(key) ?? absent);
        keys.delete(text);
      } else if (earlier.rows.of(key) !== undefined) return false;
    }
    return true;
  }

  add(key: Values, sums: Values): void {
    const change = this.changeOf(key);
    for (const column in sums) {
      const sum = sums[column];
      if (typeof sum !== 'number') continue;
      const at = this.place(column);
      const bit = 1 << at;
      if (((change.added | change.set) & bit) !== 0) change.values[at] = Number(change.values[at] ?? 0) + sum;
      else {
        change.values[at] = sum;
        change.added |= bit;
      }
    }
  }

  set(key: Values, given: Values): void {
    const change = this.changeOf(key);
    for (const column in given) {
      const value = given[column];
      if (value === undefined) continue;
      const at = this.place(column);
      change.values[at] = value;
      change.set |= 1 << at;
      change.added &= ~(1 << at);
    }
  }

  remove(key: Values): void {
    const change = this.changeOf(key);
    change.state = 'removed';
    change.added = 0;
    change.set = 0;
    change.values = [];
  }

  get(key: Values): Readonly<Record<string, ColumnValue>> | undefined {
    const text = keyText(this.layout, key);
    const stored = this.loaded.get(text);
    if (stored === undefined) throw new RowNotRead(this.layout.table.name);
    const change = this.rows.of(key);
    if (change?.state === 'removed') return undefined;
    if (change === undefined && stored === absent) return undefined;
    const before = change?.state === 'fresh' || stored === absent ? undefined : stored;
    return this.compose(key, before, change);
  }

  private compose(
    key: Values,
    before: Values | undefined,
    change: RowChange | undefined,
  ): Readonly<Record<string, ColumnValue>> {
    const row: Record<string, ColumnValue> = {};
    for (const { name } of this.layout.key) row[name] = key[name] ?? null;
    for (const [at, { name, missing }] of this.layout.rest.entries()) {
      const old = before === undefined ? missing : (before[name] ?? null);
      row[name] = change === undefined ? old : valueAfter(old, change, at);
    }
    return row;
  }

  private changeOf(key: Values): RowChange {
    const change = this.rows.ofOrNew(key);
    if (change.state === 'removed') change.state = 'fresh';
    return change;
  }

  private place(column: string): number {
    const at = this.layout.places.get(column);
    if (at !== undefined) return at;
    throw new TypeError(`Table ${this.layout.table.name} has no column ${column} besides its key.`);
  }
}

/** A fold asked for a row that its `reads` did not announce: a mistake in the projection, not in the event. */
class RowNotRead extends Error {
  override readonly name = 'RowNotRead';
  constructor(table: string) {
    super(`The fold asked for a row of ${table} that its reads did not name.`);
  }
}

/** Two rows are one when their keys read the same. PostgreSQL stores no NUL in a text, so it can separate. */
export function keyText({ key }: Layout, row: Values): string {
  const [first, ...others] = key;
  let text = first === undefined ? '' : partText(row[first.name]);
  for (const { name } of others) text += `\0${partText(row[name])}`;
  return text;
}

const absent: Values = Object.freeze({});

function valueAfter(old: ColumnValue, { set, added, values }: RowChange, at: number): ColumnValue {
  const bit = 1 << at;
  const value = values[at] ?? null;
  if ((set & bit) !== 0) return value;
  return (added & bit) !== 0 ? Number(old ?? 0) + Number(value) : old;
}

function partText(value: ColumnValue | undefined): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  return value instanceof Date ? String(value.getTime()) : JSON.stringify(value ?? null);
}
