import type { Layout } from './columns.js';
import type { ColumnValue } from './table.js';

/**
 * The rows of a table that a batch changes, found by key.
 *
 * This is where a rebuild spends its time: an event may change a dozen rows, and nearly all of them have been changed before. So the
 * key is not made into one text, which would have to be built and hashed for each; its parts lead through a tree, one level for
 * each, in the order of the key.
 */
export class ChangedRows {
  private readonly root: Branch = { below: new Map(), change: undefined };
  private readonly all: RowChange[] = [];

  constructor(private readonly layout: Layout) {}

  get size(): number {
    return this.all.length;
  }

  /** In the order in which they were first changed. */
  values(): Iterable<RowChange> {
    return this.all;
  }

  of(key: Values): RowChange | undefined {
    let branch: Branch | undefined = this.root;
    for (const { name } of this.layout.key) {
      branch = branch.below?.get(partOf(key[name]));
      if (branch === undefined) return undefined;
    }
    return branch.change;
  }

  /** Begins as a change of nothing. */
  ofOrNew(key: Values): RowChange {
    let branch = this.root;
    for (const { name } of this.layout.key) {
      const part = partOf(key[name]);
      branch.below ??= new Map();
      let next = branch.below.get(part);
      if (next === undefined) branch.below.set(part, (next = { below: undefined, change: undefined }));
      branch = next;
    }
    return (branch.change ??= this.added(key));
  }

  private added(key: Values): RowChange {
    const parts = this.layout.key.map(({ name }) => key[name] ?? null);
    const change: RowChange = { key: parts, state: 'changed', added: 0, set: 0, values: [] };
    this.all.push(change);
    return change;
  }
}

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

interface Branch {
  below: Map<Part, Branch> | undefined;
  /** Of the row whose key ends here. */
  change: RowChange | undefined;
}

type Part = string | number | boolean | null;

/** Two times are equal when their milliseconds are. Nothing else that a key may hold is an object. */
function partOf(value: ColumnValue | undefined): Part {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return value instanceof Date ? value.getTime() : JSON.stringify(value ?? null);
}
