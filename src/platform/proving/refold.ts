import type { EventStore, RecordedEvent } from '../event-store/event-store.js';
import type { Projection } from '../projecting/projection.js';
import { MemoryFold, ReadsAnotherTable, type MemoryFoldOptions } from './memory-fold.js';

/**
 * Folds the log again from its beginning up to a position, in memory. Reading is a page at a time, so memory holds what is
 * kept and no more.
 *
 * A fold that turns out to read a table starts over with all rows of that table kept. That happens at most once per table,
 * and which tables a projection reads is remembered.
 */
export async function refold(order: RefoldOrder): Promise<MemoryFold> {
  const readTables = known.get(order.projection) ?? new Set<string>();
  known.set(order.projection, readTables);
  for (;;) {
    const fold = new MemoryFold(order.projection, { readTables, ...order.begin() });
    try {
      await replay(fold, order);
      return fold;
    } catch (error) {
      if (!(error instanceof ReadsAnotherTable) || readTables.has(error.table)) throw error;
      readTables.add(error.table);
    }
  }
}

export interface RefoldOrder {
  readonly projection: Projection;
  readonly store: Pick<EventStore, 'readAll'>;
  /** The last position that counts. */
  readonly upTo: bigint;
  /** Positions to leave out: events that the read model could not take either. */
  readonly without?: ReadonlySet<bigint>;
  /** Called at every start: what was collected before does not count. */
  readonly begin: () => Omit<MemoryFoldOptions, 'readTables'>;
  /** Called with each event before it is folded, for whoever wants to know which one touched a row. Slower than without. */
  readonly onEvent?: (recorded: RecordedEvent) => void;
  /** Called after each page with how long it took; other work goes on until it resolves. */
  readonly rest?: (pageMs: number) => Promise<void>;
  readonly signal?: AbortSignal;
}

const pageEvents = 1_000;
const known = new WeakMap<Projection, Set<string>>();

async function replay(fold: MemoryFold, order: RefoldOrder): Promise<void> {
  const { projection, store, upTo, without, onEvent, rest, signal } = order;
  const filter = { types: Object.keys(projection.when) };
  for (let after = 0n; after < upTo;) {
    signal?.throwIfAborted();
    const startedAt = performance.now();
    const page = await store.readAll({ after, limit: pageEvents, filter });
    const events = page.events.filter(({ position }) => position <= upTo && without?.has(position) !== true);
    if (onEvent === undefined) fold.apply(events);
    else {
      for (const recorded of events) {
        onEvent(recorded);
        fold.apply([recorded]);
      }
    }
    if (page.scannedTo <= after) return;
    after = page.scannedTo;
    await rest?.(performance.now() - startedAt);
  }
}
