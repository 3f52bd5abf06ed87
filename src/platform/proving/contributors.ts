import type { Json } from '../../kernel/event-family.js';
import type { EventStore, RecordedEvent } from '../event-store/event-store.js';
import { layoutOf, type Column, type Layout } from '../projecting/columns.js';
import type { Projection } from '../projecting/projection.js';
import { keyText } from '../projecting/table-changes.js';
import type { ColumnValue, Table } from '../projecting/table.js';
import type { MemoryRow, RowTouch } from './memory-fold.js';
import { refold } from './refold.js';

/**
 * Which events made these rows what they are. The log is folded again in memory, event by event, and the rows are watched:
 * so the answer is what the fold does today, whatever the tables hold. It reads all events of the projection's types once.
 */
export async function contributors(order: ContributorsOrder): Promise<readonly RowHistory[]> {
  const watched = order.wanted.map((wanted) => new Watched(order.projection, wanted, order.newestMax));
  let current: RecordedEvent | undefined;
  const places = new Map(watched.map((each) => [`${each.layout.table.name}\0${each.text}`, each]));
  const find = ({ table }: Layout, text: string): Watched | undefined => places.get(`${table.name}\0${text}`);
  await refold({
    ...order,
    begin: () => {
      for (const each of watched) each.reset();
      return {
        rowsMax: order.rowsMax ?? rowsMaxDefault,
        keep: (layout, text) => find(layout, text) !== undefined,
        onTouched: (touch) => {
          if (current !== undefined) find(touch.layout, touch.text)?.touched(current, touch);
        },
      };
    },
    onEvent: (recorded) => {
      current = recorded;
    },
  });
  return watched.map((each) => each.history());
}

export interface ContributorsOrder {
  readonly projection: Projection;
  readonly store: Pick<EventStore, 'readAll'>;
  readonly wanted: readonly WantedRow[];
  readonly upTo: bigint;
  /** How many events of each row are named: the newest. */
  readonly newestMax: number;
  /** Events that the read model could not take, by position. */
  readonly without?: ReadonlySet<bigint>;
  /** How many rows may be kept in memory where the fold reads rows itself. */
  readonly rowsMax?: number;
  readonly rest?: (pageMs: number) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** A row by the name of its table and its key, as in a RowDifference. */
export interface WantedRow {
  readonly table: string;
  readonly key: Readonly<Record<string, Json>>;
}

/** Serialisable as JSON. */
export interface RowHistory extends WantedRow {
  /** What the fold makes of all events; null when there is no such row. */
  readonly row: Readonly<Record<string, Json>> | null;
  /** How many events touched it, of which `events` are the newest. */
  readonly eventsTotal: number;
  readonly events: readonly Contribution[];
}

/** What one event did to one row. */
export interface Contribution {
  readonly position: number;
  readonly recorded_at: string;
  readonly type: string;
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly effect: 'created' | 'changed' | 'removed' | 'left as it was';
  /** The columns that it wrote, whether they had another value before or not. */
  readonly columns: Readonly<Record<string, ColumnChange>>;
}

export interface ColumnChange {
  readonly before: Json;
  readonly after: Json;
  /** Set when it was added to what was there, and not overwritten. */
  readonly by?: number;
}

const rowsMaxDefault = 1_000_000;

/** A row that somebody asked about. */
class Watched {
  readonly layout: Layout;
  readonly text: string;
  private newest: Contribution[] = [];
  private total = 0;
  private row: MemoryRow | undefined;

  constructor(
    projection: Projection,
    private readonly wanted: WantedRow,
    private readonly newestMax: number,
  ) {
    this.layout = layoutOf(tableOf(projection, wanted.table));
    this.text = keyText(this.layout, valuesOf(this.layout.key, wanted.key));
  }

  reset(): void {
    this.newest = [];
    this.total = 0;
    this.row = undefined;
  }

  touched(recorded: RecordedEvent, touch: RowTouch): void {
    this.total += 1;
    this.row = touch.after;
    this.newest.push(contribution(recorded, touch));
    if (this.newest.length >= 2 * this.newestMax) this.newest = this.named();
  }

  history(): RowHistory {
    const { table, key } = this.wanted;
    return {
      table,
      key,
      row: this.row === undefined ? null : jsonRow(this.row),
      eventsTotal: this.total,
      events: this.named().reverse(),
    };
  }

  private named(): Contribution[] {
    return this.newest.slice(-this.newestMax);
  }
}

function tableOf(projection: Projection, name: string): Table {
  const table = Object.values(projection.tables).find((each) => each.name === name);
  if (table === undefined) throw new TypeError(`${projection.name} has no table ${name}.`);
  return table;
}

/** A key that was written as JSON, as the fold has it. */
export function valuesOf(
  columns: readonly Column[],
  key: Readonly<Record<string, Json>>,
): Readonly<Record<string, ColumnValue>> {
  return Object.fromEntries(columns.map((column) => [column.name, valueOf(column, key[column.name] ?? null)]));
}

function valueOf({ type }: Column, value: Json): ColumnValue {
  if (type === 'timestamptz' && typeof value === 'string') return new Date(value);
  return value;
}

function contribution(
  { position, recordedAt, event, stream, version, id }: RecordedEvent,
  touch: RowTouch,
): Contribution {
  return {
    position: Number(position),
    recorded_at: recordedAt.toISOString(),
    type: event.type,
    stream,
    version,
    id,
    effect: effectOf(touch),
    columns: columnsChanged(touch),
  };
}

function effectOf({ before, after, change }: RowTouch): Contribution['effect'] {
  if (after === undefined) return before === undefined ? 'left as it was' : 'removed';
  if (before === undefined) return 'created';
  const isSame = change.state === 'changed' && JSON.stringify(jsonRow(before)) === JSON.stringify(jsonRow(after));
  return isSame ? 'left as it was' : 'changed';
}

function columnsChanged({ layout, before, after, change }: RowTouch): Contribution['columns'] {
  const written = layout.rest.filter((_, at) => change.state !== 'changed' || isWritten(change, at));
  return Object.fromEntries(
    written.map(({ name }) => {
      const by = sumOf({ change, layout }, name);
      const values = { before: jsonOf(before?.[name]), after: jsonOf(after?.[name]) };
      return [name, by === undefined ? values : { ...values, by }];
    }),
  );
}

function isWritten({ added, set }: RowTouch['change'], at: number): boolean {
  return ((added | set) & (1 << at)) !== 0;
}

function sumOf({ change, layout }: Pick<RowTouch, 'change' | 'layout'>, name: string): number | undefined {
  const at = layout.places.get(name) ?? 0;
  const isSum = change.state === 'changed' && (change.added & (1 << at)) !== 0;
  return isSum ? Number(change.values[at] ?? 0) : undefined;
}

function jsonRow(row: MemoryRow): Readonly<Record<string, Json>> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, jsonOf(value)]));
}

function jsonOf(value: ColumnValue | undefined): Json {
  return value instanceof Date ? value.toISOString() : (value ?? null);
}
