import type { RecordedEvent } from '../event-store/event-store.js';
import type { RowChange, Values } from '../projecting/changed-rows.js';
import type { Layout } from '../projecting/columns.js';
import { Folding, type Wish } from '../projecting/fold.js';
import type { Projection } from '../projecting/projection.js';
import { keyText, type TableChanges } from '../projecting/table-changes.js';
import type { ColumnValue } from '../projecting/table.js';

/**
 * A projection whose rows are in memory: the same fold as everywhere, for questions about a few rows. It keeps the rows that
 * somebody is interested in, and all of those tables that the fold itself reads, because any of their rows may be asked for.
 */
export class MemoryFold {
  private readonly kept: ReadonlyMap<string, Map<string, MemoryRow>>;
  private readonly isKept: (layout: Layout, text: string, key: Values) => boolean;
  private rows = 0;

  constructor(
    private readonly projection: Projection,
    private readonly options: MemoryFoldOptions,
  ) {
    const names = Object.values(projection.tables).map(({ name }) => name);
    this.kept = new Map(names.map((name) => [name, new Map()]));
    this.isKept = (layout, text, key) => options.readTables.has(layout.table.name) || options.keep(layout, text, key);
  }

  /** The rows of a table, by the text of their key. */
  of(table: string): ReadonlyMap<string, MemoryRow> {
    return this.rowsOf(table);
  }

  /** Throws FoldFailed, ReadsAnotherTable or RefoldTooLarge. What was folded by then is not to be used. */
  apply(events: readonly RecordedEvent[]): void {
    const folding = new Folding(this.projection);
    for (const wish of folding.wanted(events)) this.load(wish);
    folding.run(events);
    for (const changes of folding.changes) if (changes.rows.size > 0) this.keepChanges(changes);
  }

  private load({ changes, keys }: Wish): void {
    const { name } = changes.layout.table;
    if (!this.options.readTables.has(name)) throw new ReadsAnotherTable(name);
    const rows = this.rowsOf(name);
    changes.load(keys.keys(), present(rows, keys.keys()));
  }

  private keepChanges(changes: TableChanges): void {
    const { layout } = changes;
    const touched: Touched[] = [];
    for (const change of changes.rows.values()) {
      const key = keyOf(layout, change);
      const text = keyText(layout, key);
      if (this.isKept(layout, text, key)) touched.push({ text, key, change });
    }
    if (touched.length === 0) return;
    const rows = this.rowsOf(layout.table.name);
    // The changes themselves know best what they make of a row, given what was there.
    const texts = touched.map(({ text }) => text);
    changes.load(texts, present(rows, texts));
    for (const { text, key, change } of touched) {
      const before = rows.get(text);
      const after = changes.get(key);
      this.options.onTouched?.({ layout, text, before, after, change });
      if (after === undefined) rows.delete(text);
      else rows.set(text, after);
      this.rows += Number(after !== undefined) - Number(before !== undefined);
    }
    if (this.rows > this.options.rowsMax) throw new RefoldTooLarge(this.projection.name, this.options.rowsMax);
  }

  private rowsOf(table: string): Map<string, MemoryRow> {
    const rows = this.kept.get(table);
    if (rows === undefined) throw new TypeError(`${this.projection.name} has no table ${table}.`);
    return rows;
  }
}

export type MemoryRow = Readonly<Record<string, ColumnValue>>;

export interface MemoryFoldOptions {
  /** Whether a row is of interest. */
  readonly keep: (layout: Layout, text: string, key: Values) => boolean;
  /** Tables that the fold reads, by name. Which they are shows only when it does: see ReadsAnotherTable. */
  readonly readTables: ReadonlySet<string>;
  readonly rowsMax: number;
  /** Told of every kept row that a call of `apply` touched. */
  readonly onTouched?: (touch: RowTouch) => void;
}

export interface RowTouch {
  readonly layout: Layout;
  readonly text: string;
  readonly before: MemoryRow | undefined;
  /** Undefined when it was removed. */
  readonly after: MemoryRow | undefined;
  readonly change: RowChange;
}

interface Touched {
  readonly text: string;
  readonly key: Values;
  readonly change: RowChange;
}

function present(rows: ReadonlyMap<string, MemoryRow>, texts: Iterable<string>): readonly MemoryRow[] {
  return [...texts].map((text) => rows.get(text)).filter((row) => row !== undefined);
}

function keyOf({ key }: Layout, change: RowChange): Readonly<Record<string, ColumnValue>> {
  return Object.fromEntries(key.map(({ name }, at) => [name, change.key[at] ?? null]));
}

/** The fold reads rows of a table that were not kept from the beginning: it has to start over with them. */
export class ReadsAnotherTable extends Error {
  override readonly name = 'ReadsAnotherTable';
  constructor(readonly table: string) {
    super(`The fold reads rows of ${table}.`);
  }
}

export class RefoldTooLarge extends Error {
  override readonly name = 'RefoldTooLarge';
  constructor(projection: string, rowsMax: number) {
    super(
      `${projection}: folding its events again takes more than ${rowsMax.toLocaleString('en')} rows in memory, because its fold reads rows. Rebuild it instead, and verify the rebuild.`,
    );
  }
}
