import type { EventStore } from '../event-store/event-store.js';
import type { Projection } from '../projecting/projection.js';
import { contributors, type Contribution } from '../proving/contributors.js';
import { RefoldTooLarge } from '../proving/memory-fold.js';
import type { RowDifference } from '../proving/row-differences.js';
import { Pace } from './pace.js';
import { Difference } from './rebuild.js';

/**
 * Rows that differ, each with the newest events that touch it. The log is folded once more for that, by the fold that made the
 * new build; an event that this fold does not take at all is therefore not among them.
 *
 * Of what an event did nothing is kept but that it touched the row: its values may be what a person wrote.
 */
export async function withEvents(rows: readonly RowDifference[], order: EventsOrder): Promise<readonly Difference[]> {
  if (rows.length === 0) return [];
  const histories = await historiesOf(rows, order);
  return rows.map((row, at) => {
    const history = histories?.[at];
    const events = history?.events.map(named) ?? null;
    return Difference.parse({ ...row, events, events_total: history?.eventsTotal ?? null });
  });
}

export interface EventsOrder {
  readonly projection: Projection;
  readonly store: EventStore;
  /** Where both builds were when they were compared. */
  readonly upTo: bigint;
  readonly signal: AbortSignal;
  /** How many rows may be kept in memory where the fold reads rows itself. */
  readonly rowsMax?: number;
}

/** Undefined when it would take too much memory: that there is a difference is known without it. */
async function historiesOf(rows: readonly RowDifference[], order: EventsOrder) {
  const pace = new Pace(order.store);
  const rest = (): Promise<void> => pace.rest(0, null, order.signal);
  try {
    return await contributors({ ...order, wanted: rows, newestMax: eventsOfEachMax, rest });
  } catch (error) {
    if (error instanceof RefoldTooLarge) return undefined;
    throw error;
  }
}

const eventsOfEachMax = 5;

function named({
  position,
  recorded_at,
  type,
  stream,
  effect,
}: Contribution): NonNullable<Difference['events']>[number] {
  return { position, recorded_at, type, stream, effect };
}
