import type { EventFamily, EventOf } from '../../kernel/event-family.js';
import type { RecordedEvent } from '../event-store/event-store.js';
import type { KeyOf, Row, Settings, Sums, Table } from './table.js';

/**
 * A read model: events in, rows out.
 *
 * The fold says what changes, the engine decides how it is written: as one multi-row statement per batch when live, in memory
 * and in bulk when rebuilding. A fold is pure: no clock, no look-up outside its own tables, no effect but its rows.
 */
export interface Projection<
  Events extends { readonly type: string } = { readonly type: string },
  Tables extends TableSet = TableSet,
> {
  /** Also the name of its checkpoint and lease. Lower case with underscores. */
  readonly name: string;
  /** Raising it is the whole request for a rebuild: the new version is a build of its own, beside the old. */
  readonly version: number;
  readonly tables: Tables;
  /**
   * Which of its rows are meant to differ from those of the version before: `table`, `table.column`, `table:+rows`,
   * `table:-rows`. Anything else that differs stops the rebuild before readers see it. What the tables' definitions say by
   * themselves, a new column for example, need not be named.
   */
  readonly differs?: readonly string[];
  /** Its keys are the filter: the engine reads no other events. */
  readonly when: Fold<Events, Tables>;
  /**
   * Only for a fold that must see rows before it can change them: the keys it will ask for. One query per table and batch
   * fetches them all. A fold without it costs a constant number of round trips, however many events a batch has.
   */
  reads?(event: Events, recorded: RecordedEvent): Wanted<Tables>;
  /** How events are told apart for waiting: after one was dead-lettered, later ones of the same key wait. Default: the stream. */
  keyOf?(event: Events, recorded: RecordedEvent): string;
}

export type TableSet = Readonly<Record<string, Table>>;

export type Fold<Events extends { readonly type: string }, Tables extends TableSet> = {
  readonly [Type in Events['type']]?: Apply<Extract<Events, { readonly type: Type }>, Tables>['apply'];
};

/**
 * Written as a method because TypeScript compares the parameters of methods in both directions: that lets the engine hold
 * projections of different events in one list. The codec has checked every event against its schema before it gets here.
 */
interface Apply<Event, Tables extends TableSet> {
  apply(event: Event, rows: RowsOf<Tables>, recorded: RecordedEvent): void;
}

export type RowsOf<Tables extends TableSet> = { readonly [Name in keyof Tables]: Rows<Tables[Name]> };
export type Wanted<Tables extends TableSet> = { readonly [Name in keyof Tables]?: readonly KeyOf<Tables[Name]>[] };

/**
 * Changes to the rows of one table, in the order of the calls. A column of a new row that nothing was said about is null where
 * it may be; else 0, false, '', the start of 1970, or JSON's null.
 */
export interface Rows<T extends Table> {
  /**
   * Creates the row or adds to its numbers. Whole numbers add up the same however the events are cut into batches; fractions
   * in a `double` round differently, and would make two builds differ in their last digit.
   */
  add(key: KeyOf<T>, sums: Sums<T>): void;
  /** Creates the row or overwrites the named columns. */
  set(key: KeyOf<T>, values: Settings<T>): void;
  remove(key: KeyOf<T>): void;
  /** The row as it is after the changes so far. Only for keys that `reads` named for this batch; asking for another throws. */
  get(key: KeyOf<T>): Row<T> | undefined;
}

/** `projection<Events>()({ … })`: the events are named, the tables are inferred. */
export function projection<Family extends EventFamily>() {
  return <const Tables extends TableSet>(
    definition: Projection<EventOf<Family>, Tables>,
  ): Projection<EventOf<Family>, Tables> => definition;
}
