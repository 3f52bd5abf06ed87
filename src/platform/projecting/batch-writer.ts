import { setImmediate as breath } from 'node:timers/promises';
import type { RecordedEvent } from '../event-store/event-store.js';
import { batchStatement } from './batch-statement.js';
import type { Build } from './builds.js';
import { quoted } from './ddl.js';
import type { NewLetter } from './dead-letters.js';
import { Folding, type Wish } from './fold.js';
import { columnsOf, type Column } from './columns.js';
import type { Projection } from './projection.js';
import { readRows, type Querying } from './read-rows.js';

/**
 * Folds events and writes what came of it. One round trip, and one more per table that the fold reads.
 *
 * Reading before writing is safe because a build has one writer: what was read can only have been changed by a newer owner,
 * and then the write is refused.
 */
export class BatchWriter {
  constructor(
    private readonly database: { readonly pool: Querying },
    private readonly projection: Projection,
    private readonly hooks: WriterHooks = {},
  ) {}

  /** False when the checkpoint was not where this owner left it: then nothing was written. Rejects with FoldFailed. */
  async write(build: Written, batch: FoldBatch): Promise<boolean> {
    const folding = this.begin();
    await this.fold(build, folding, batch);
    await this.hooks.beforeWrite?.(this.projection.name, batch.events);
    return this.store(build, folding, batch);
  }

  begin(): Folding {
    return new Folding(this.projection);
  }

  /**
   * Adds events to what is folded and not stored yet. They are not all at once: a rebuild folds many, perhaps in a process that
   * also answers requests, which take turns with it. Rejects with FoldFailed.
   */
  async fold(build: Pick<Written, 'schema'>, folding: Folding, order: FoldOrder): Promise<void> {
    const { events, earlier } = order;
    const wishes = folding.wanted(events);
    if (earlier !== undefined && !folding.inherit(wishes, earlier.folding)) await earlier.done;
    for (const wish of wishes) if (wish.keys.size > 0) await this.load(build.schema, wish);
    let since = performance.now();
    for (let at = 0; at < events.length; at += eventsAtOnce) {
      // Whoever has a turn may take long: the next events may come in, and be read, before these are written.
      if (performance.now() - since > turnMsMax) {
        await breath();
        since = performance.now();
      }
      folding.run(at === 0 && events.length <= eventsAtOnce ? events : events.slice(at, at + eventsAtOnce));
    }
  }

  /** Of the events of the batch, which are folded by now, only the last is looked at. Answers as `write` does. */
  async store(build: Written, folding: Folding, batch: FoldBatch): Promise<boolean> {
    const statement = batchStatement({
      schema: build.schema,
      checkpoint: {
        build: build.build,
        epoch: build.epoch,
        from: build.position,
        to: batch.upTo,
        anchor: anchorOf(batch),
      },
      changes: folding.changes,
      letters: batch.letters ?? [],
      retries: batch.retries,
    });
    const { rowCount } = await this.database.pool.query(statement);
    return rowCount === 1;
  }

  private async load(schema: string, { changes, keys }: Wish): Promise<void> {
    const { table, key } = changes.layout;
    const arrays = key.map(({ name, encode }) => Array.from(keys.values(), (row) => encode(row[name] ?? null)));
    const all = columnsOf(table.columns);
    const text = `select ${names(all)} from ${quoted(schema)}.${quoted(table.name)}
      join unnest(${key.map(({ sql }, at) => `$${String(at + 1)}::${sql}[]`).join(', ')}) as wanted (${names(key)})
      using (${names(key)})`;
    changes.load(keys.keys(), await readRows(this.database.pool, all, { text, values: arrays }));
  }
}

/** What a writer must know of a build. Not every one is of the kind that `Builds` keeps. */
type Written = Pick<Build, 'build' | 'schema' | 'epoch' | 'position'>;

interface FoldOrder {
  readonly events: readonly RecordedEvent[];
  /** What is being written meanwhile: rows that it changes are not yet in the database as they will be. */
  readonly earlier?: { readonly folding: Folding; readonly done: Promise<unknown> } | undefined;
}

export interface FoldBatch {
  readonly events: readonly RecordedEvent[];
  /** Where the checkpoint moves to. */
  readonly upTo: bigint;
  readonly letters?: readonly NewLetter[];
  /** Set when the event is a dead letter's: where that is. */
  readonly retries?: bigint;
}

export interface WriterHooks {
  /** Called between fold and write. Tests stop a process here. */
  readonly beforeWrite?: (projection: string, events: readonly RecordedEvent[]) => Promise<void> | void;
}

/** Another attempt at an old event says nothing about where the log is now. */
function anchorOf({ events, retries }: FoldBatch): RecordedEvent | undefined {
  return retries === undefined ? events.at(-1) : undefined;
}

/** About a millisecond, or a few. */
const eventsAtOnce = 500;
const turnMsMax = 3;

function names(columns: readonly Column[]): string {
  return columns.map(({ name }) => quoted(name)).join(', ');
}
