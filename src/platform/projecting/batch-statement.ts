import { createHash } from 'node:crypto';
import type { QueryConfig } from 'pg';
import type { RowChange } from './changed-rows.js';
import type { Column, Layout } from './columns.js';
import { quoted } from './ddl.js';
import type { NewLetter } from './dead-letters.js';
import type { TableChanges } from './table-changes.js';
import type { ColumnValue } from './table.js';

/**
 * Everything a batch changes, as one statement that commits by itself: the checkpoint by compare-and-set, the rows, the dead
 * letters. Either all of it happened or none, in one round trip however many events and rows there are.
 *
 * The parts of such a statement see one snapshot, so no row may be changed by two of them. Rows that change alike form a
 * group, and composing per key has put every key into exactly one. Each group takes its rows `from moved`: if the checkpoint
 * is not where the owner believes, or another owner has raised the epoch, `moved` is empty and nothing is written. When two
 * owners race, the second waits for the row lock of the first and then looks at the checkpoint again.
 *
 * Values travel as one array per column: the number of parameters depends on the shape of the change, never on its size.
 */
export function batchStatement(batch: Batch): QueryConfig<unknown[]> {
  const { checkpoint } = batch;
  const writing = new Writing([
    ...[checkpoint.build, checkpoint.to, checkpoint.from, checkpoint.epoch],
    ...[checkpoint.anchor?.position, checkpoint.anchor?.id],
  ]);
  if (batch.retries !== undefined) writing.resolve(batch.retries);
  for (const table of batch.changes) for (const group of groupsOf(table)) writing.add(batch.schema, group);
  if (batch.letters.length > 0) writing.addLetters(batch.letters);
  return writing.statement();
}

export interface Batch {
  readonly schema: string;
  readonly checkpoint: CheckpointMove;
  readonly changes: readonly TableChanges[];
  readonly letters: readonly NewLetter[];
  /** The position of the dead letter whose event this is: then it must still be unresolved. */
  readonly retries?: bigint | undefined;
}

export interface CheckpointMove {
  readonly build: string;
  readonly from: bigint;
  readonly to: bigint;
  readonly epoch: number;
  /** The last event of the batch, if it has any: by it the build knows later whether the log is still the same. */
  readonly anchor?: { readonly position: bigint; readonly id: string } | undefined;
}

/** Rows of one table that change alike. */
interface Group {
  readonly layout: Layout;
  readonly kind: RowChange['state'];
  readonly added: number;
  readonly set: number;
  readonly rest: readonly Column[];
  readonly rows: RowChange[];
}

function groupsOf({ layout, rows }: TableChanges): Iterable<Group> {
  const groups = new Map<string, Group>();
  let group: Group | undefined;
  for (const row of rows.values()) {
    // Neighbours are mostly alike.
    if (group === undefined || !belongs(row, group)) {
      const shape = row.state === 'changed' ? `${String(row.added)} ${String(row.set)}` : row.state;
      group = groups.get(shape) ?? groupFor(layout, row);
      groups.set(shape, group);
    }
    group.rows.push(row);
  }
  return groups.values();
}

function belongs({ state, added, set }: RowChange, group: Group): boolean {
  return state === group.kind && (state !== 'changed' || (added === group.added && set === group.set));
}

function groupFor(layout: Layout, row: RowChange): Group {
  return { layout, kind: row.state, added: row.added, set: row.set, rest: columnsOfShape(layout, row), rows: [] };
}

function columnsOfShape(layout: Layout, { state, added, set }: RowChange): readonly Column[] {
  switch (state) {
    case 'fresh':
      return layout.rest;
    case 'removed':
      return [];
    case 'changed':
      return layout.rest.filter((_, at) => ((added | set) & (1 << at)) !== 0);
  }
}

class Writing {
  private readonly parts: string[] = [];
  /** A plan that looks for rows must know how many: one made for ten could be kept for ten thousand. */
  private searches = false;
  /** Where rows come from: nothing is written unless it holds one. */
  private gate: 'moved' | 'retried' = 'moved';

  constructor(private readonly values: unknown[]) {
    this.parts.push(moved);
  }

  add(schema: string, group: Group): void {
    const target = `${quoted(schema)}.${quoted(group.layout.table.name)}`;
    const columns = [...group.layout.key, ...group.rest];
    const rows = this.unnest(columns, columnArrays(group));
    const names = columns.map(({ name }) => quoted(name)).join(', ');
    if (group.kind === 'removed') {
      this.searches = true;
      const matches = group.layout.key.map(({ name }) => `t.${quoted(name)} = u.${quoted(name)}`).join(' and ');
      this.part(`delete from ${target} as t using ${this.gate}, ${rows} as u (${names}) where ${matches}`);
    } else {
      this.part(
        `insert into ${target} as t (${names}) select u.* from ${this.gate}, ${rows} as u (${names}) ${onConflict(group)}`,
      );
    }
  }

  addLetters(letters: readonly NewLetter[]): void {
    const columns = ['position', 'event_id', 'stream', 'key', 'type', 'state', 'error', 'message'] as const;
    const all = [...columns, 'skip_by', 'skip_reason'] as const;
    const first = this.values.length + 1;
    this.values.push(
      ...columns.map((column) => letters.map((letter) => letter[column])),
      letters.map(({ skipped }) => skipped?.by),
      letters.map(({ skipped }) => skipped?.reason),
    );
    const rows = all.map((column, at) => `$${String(first + at)}::${column === 'position' ? 'bigint' : 'text'}[]`);
    this.part(`
      insert into projecting.dead_letters (build, projection, version, attempts, skipped_at, ${all.join(', ')})
      select build, projection, version, case when u.state = 'waiting' then 0 else 1 end,
        case when u.skip_by is not null then clock_timestamp() end, u.*
      from ${this.gate}, unnest(${rows.join(', ')}) as u (${all.join(', ')})`);
  }

  /** A retry doesn't move the checkpoint, which so cannot tell whether it was made already; the letter can. */
  resolve(position: bigint): void {
    this.values.push(position);
    this.gate = 'retried';
    this.parts.push(`retried as (
      update projecting.dead_letters as d
      set state = 'resolved', attempts = attempts + 1, last_at = clock_timestamp()
      from moved where d.build = moved.build and d.position = $${String(this.values.length)} and d.state <> 'resolved'
      returning d.build, d.projection, d.version)`);
  }

  /**
   * Rows and checkpoint are lost together or not at all when the server loses power, and the log can always make them again:
   * so the commit need not wait for the disk. The log's own commits do.
   */
  statement(): QueryConfig<unknown[]> {
    const text = `with ${this.parts.join(',\n')}\nselect set_config('synchronous_commit', 'off', true) from ${this.gate}`;
    const config = { text, values: this.values };
    return this.searches ? config : { ...config, ...nameFor(text) };
  }

  private part(sql: string): void {
    this.parts.push(`part_${String(this.parts.length)} as (${sql})`);
  }

  private unnest(columns: readonly Column[], arrays: readonly string[]): string {
    const first = this.values.length + 1;
    this.values.push(...arrays);
    return `unnest(${columns.map(({ sql }, at) => `$${String(first + at)}::${sql}[]`).join(', ')})`;
  }
}

const moved = `moved as (
  update projecting.builds set position = $2, moved_at = clock_timestamp(),
    anchor_position = coalesce($5::bigint, anchor_position), anchor_event = coalesce($6::text, anchor_event)
  where build = $1 and position = $3 and epoch = $4 and state <> 'retired'
  returning build, projection, version
)`;

function onConflict({ layout, kind, added, rest }: Group): string {
  if (rest.length === 0) return 'on conflict do nothing';
  const changes = rest.map((column) => {
    const name = quoted(column.name);
    const isSum = kind === 'changed' && (added & (1 << (layout.places.get(column.name) ?? 0))) !== 0;
    return isSum ? `${name} = coalesce(t.${name}, 0) + excluded.${name}` : `${name} = excluded.${name}`;
  });
  return `on conflict (${layout.key.map(({ name }) => quoted(name)).join(', ')}) do update set ${changes.join(', ')}`;
}

/** One array per column. */
function columnArrays({ layout, rest, rows }: Group): readonly string[] {
  const keys = layout.key.map(({ encode, array }, at) => array(rows.map(({ key }) => encode(key[at] ?? null))));
  const values = rest.map((column) => {
    const at = layout.places.get(column.name) ?? 0;
    return column.array(rows.map(({ values: given }) => column.encode(valueOrMissing(given[at], column))));
  });
  return [...keys, ...values];
}

function valueOrMissing(value: ColumnValue | undefined, { missing }: Column): ColumnValue {
  return value === undefined ? missing : value;
}

/** Shapes repeat, so their plans are kept, on each connection: only for the first ones, because a server never forgets a name. */
const namedMax = 500;
const names = new Map<string, string>();

function nameFor(text: string): { readonly name?: string } {
  let name = names.get(text);
  if (name === undefined) {
    if (names.size >= namedMax) return {};
    name = `projecting-${createHash('sha256').update(text).digest('base64url').slice(0, 32)}`;
    names.set(text, name);
  }
  return { name };
}
