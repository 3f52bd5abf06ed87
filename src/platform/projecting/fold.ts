import type { RecordedEvent } from '../event-store/event-store.js';
import type { Projection } from './projection.js';
import type { Values } from './changed-rows.js';
import { keyText, TableChanges } from './table-changes.js';
import type { ColumnValue } from './table.js';

/**
 * One batch of events, folded in memory, or several as if they were one. Synchronous: between the first event of a call and the
 * last nothing else runs, so the cost of an event is the cost of its fold.
 */
export class Folding {
  private readonly tables: Readonly<Record<string, TableChanges>>;

  constructor(private readonly projection: Projection) {
    this.tables = Object.fromEntries(
      Object.entries(projection.tables).map(([name, table]) => [name, new TableChanges(table)]),
    );
  }

  get changes(): readonly TableChanges[] {
    return Object.values(this.tables);
  }

  /** How many rows have changed so far. */
  get size(): number {
    return this.changes.reduce((sum, { rows }) => sum + rows.size, 0);
  }

  /** Which rows the fold will ask for, by table, but for those that it has. Empty when it reads none. */
  wanted(events: readonly RecordedEvent[]): readonly Wish[] {
    if (this.projection.reads === undefined) return [];
    const wishes = new Map<string, Wish>();
    for (const recorded of events) this.collect(wishes, recorded);
    return [...wishes.values()];
  }

  /**
   * Takes wanted rows from a batch that is folded and not written yet, and crosses them off. False: it has to be written before
   * the others can be read.
   */
  inherit(wishes: readonly Wish[], earlier: Folding): boolean {
    return wishes.every(({ name, changes, keys }) => {
      const before = earlier.tables[name];
      return before === undefined || changes.inherit(keys, before);
    });
  }

  run(events: readonly RecordedEvent[]): void {
    const { when } = this.projection;
    for (const recorded of events) {
      try {
        when[recorded.event.type]?.(recorded.event, this.tables, recorded);
      } catch (error) {
        throw new FoldFailed(recorded, error);
      }
    }
  }

  private collect(wishes: Map<string, Wish>, recorded: RecordedEvent): void {
    try {
      const wanted = this.projection.reads?.(recorded.event, recorded) ?? {};
      for (const name in wanted) for (const key of wanted[name] ?? []) this.wish(wishes, name, key);
    } catch (error) {
      throw new FoldFailed(recorded, error);
    }
  }

  private wish(wishes: Map<string, Wish>, name: string, key: Readonly<Record<string, ColumnValue>>): void {
    const changes = this.tables[name];
    if (changes === undefined) throw new TypeError(`The fold reads ${name}, which is not one of its tables.`);
    const text = keyText(changes.layout, key);
    if (changes.isLoaded(text)) return;
    const wish = wishes.get(name) ?? { name, changes, keys: new Map<string, Values>() };
    wishes.set(name, wish);
    wish.keys.set(text, key);
  }
}

export interface Wish {
  readonly name: string;
  readonly changes: TableChanges;
  readonly keys: Map<string, Values>;
}

/** An event that its fold cannot take. */
export class FoldFailed extends Error {
  override readonly name = 'FoldFailed';
  constructor(
    readonly recorded: RecordedEvent,
    override readonly cause: unknown,
  ) {
    super(`The fold failed at position ${String(recorded.position)}.`);
  }
}
