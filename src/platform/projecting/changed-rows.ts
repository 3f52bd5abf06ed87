import type { Layout } from './columns.js';
import type { ColumnValue } from './table.js';

/**
 * The rows of a table that a batch changes, found by key.
 *
 * This is where a rebuild spends its time: an event may change a dozen rows, and nearly all of them have been changed before. So the
 * key is not made into one text, which would have to be built and hashed for each; its parts lead through a tree, one level for
 * each, until only one row is left. Parts of which there are few come first, once that can be seen: the tree then is a few large maps
 * and not many small ones, which is most of what a large batch keeps in memory.
 */
export class ChangedRows {
  private levels: readonly Level[];
  private root: Branch = new Map();
  private readonly all: RowChange[] = [];

  constructor(private readonly layout: Layout) {
    this.levels = layout.key.map(({ name }, at) => ({ name, at }));
  }

  get size(): number {
    return this.all.length;
  }

  /** In the order in which they were first changed. */
  values(): Iterable<RowChange> {
    return this.all;
  }

  of(key: Values): RowChange | undefined {
    let branch = this.root;
    for (let index = 0; ; index += 1) {
      const below = branch.get(partOf(key[this.levels[index]?.name ?? '']));
      if (below instanceof Map) branch = below;
      else return below !== undefined && this.isAt(key, below, index + 1) ? below : undefined;
    }
  }

  /** Begins as a change of nothing. */
  ofOrNew(key: Values): RowChange {
    return this.of(key) ?? this.added(key);
  }

  private added(key: Values): RowChange {
    const parts = this.layout.key.map(({ name }) => key[name] ?? null);
    const change: RowChange = { key: parts, state: 'changed', added: 0, set: 0, values: [] };
    this.all.push(change);
    this.place(change);
    if (this.all.length === rowsToJudgeBy) this.arrange();
    return change;
  }

  private place(change: RowChange): void {
    let branch = this.root;
    for (let index = 0; ; index += 1) {
      const part = this.partAt(change, index);
      const below = branch.get(part);
      if (below === undefined) {
        branch.set(part, change);
        return;
      }
      const next: Branch = below instanceof Map ? below : new Map([[this.partAt(below, index + 1), below]]);
      branch.set(part, next);
      branch = next;
    }
  }

  private partAt({ key }: RowChange, index: number): Part {
    return partOf(key[this.levels[index]?.at ?? 0]);
  }

  private isAt(key: Values, { key: parts }: RowChange, from: number): boolean {
    for (let index = from; index < this.levels.length; index += 1) {
      const level = this.levels[index];
      if (level !== undefined && partOf(parts[level.at]) !== partOf(key[level.name])) return false;
    }
    return true;
  }

  private arrange(): void {
    const variety = this.levels.map(({ at }) => new Set(this.all.map(({ key }) => partOf(key[at]))).size);
    this.levels = this.levels.toSorted((one, other) => (variety[one.at] ?? 0) - (variety[other.at] ?? 0));
    this.root = new Map();
    for (const change of this.all) this.place(change);
  }
}

/** A part of the key, and where it stands in `Layout.key`. */
interface Level {
  readonly name: string;
  readonly at: number;
}

const rowsToJudgeBy = 512;

export type Values = Readonly<Record<string, ColumnValue | undefined>>;

export interface RowChange {
  /** In the order of `Layout.key`. */
  readonly key: readonly ColumnValue[];
  state: 'changed' | 'fresh' | 'removed';
  /** Bits of the columns whose value is to be added to what is there. */
  added: number;
  /** Bits of the columns whose value replaces what is there. */
  set: number;
  /** In the order of `Layout.rest`; holes where nothing changes. */
  values: (ColumnValue | undefined)[];
}

/** What leads on, or the one row whose key begins so. */
type Branch = Map<Part, Branch | RowChange>;

type Part = string | number | boolean | null;

/** Two times are equal when their milliseconds are. Nothing else that a key may hold is an object. */
function partOf(value: ColumnValue | undefined): Part {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return value instanceof Date ? value.getTime() : JSON.stringify(value ?? null);
}
