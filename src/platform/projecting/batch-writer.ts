import type { Database } from '../database/database.js';
import type { RecordedEvent } from '../event-store/event-store.js';
import { batchStatement } from './batch-statement.js';
import type { Build } from './builds.js';
import { quoted } from './ddl.js';
import type { NewLetter } from './dead-letters.js';
import { Folding, type Wish } from './fold.js';
import { columnsOf, type Column } from './columns.js';
import type { Projection } from './projection.js';
import { readRows } from './read-rows.js';

/**
 * Folds events and writes what came of it. One round trip, and one more per table that the fold reads.
 *
 * Reading before writing is safe because a build has one writer: what was read can only have been changed by a newer owner,
 * and then the write is refused.
 */
export class BatchWriter {
  constructor(
    private readonly database: Pick<Database, 'pool'>,
    private readonly projection: Projection,
    private readonly hooks: WriterHooks = {},
  ) {}

  /** False when the checkpoint was not where this owner left it: then nothing was written. Rejects with FoldFailed. */
  async write(build: Build, batch: FoldBatch): Promise<boolean> {
    const folding = new Folding(this.projection);
    for (const wish of folding.wanted(batch.events)) await this.load(build.schema, wish);
    folding.run(batch.events);
    await this.hooks.beforeWrite?.(this.projection.name, batch.events);
    const statement = batchStatement({
      schema: build.schema,
      checkpoint: { build: build.build, epoch: build.epoch, from: build.position, to: batch.upTo },
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

function names(columns: readonly Column[]): string {
  return columns.map(({ name }) => quoted(name)).join(', ');
}
