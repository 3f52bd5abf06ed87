import type { EventStore, RecordedEvent } from '../event-store/event-store.js';

/**
 * The part of the log between two positions, page by page. The next page is on its way while one is worked on, and never more
 * than that: memory doesn't depend on the length of the log.
 */
export async function* logPages(store: EventStore, order: PagesOrder): AsyncGenerator<ReadPage, void, void> {
  let after = order.after;
  if (after >= order.to) return;
  let next = fetched(store, order, after);
  for (;;) {
    const { events, scannedTo } = await next;
    const upTo = scannedTo < order.to ? scannedTo : order.to;
    const isLast = upTo === order.to || scannedTo === after;
    if (!isLast) next = fetched(store, order, scannedTo);
    yield { events: upTo === scannedTo ? events : events.filter(({ position }) => position <= upTo), upTo };
    if (isLast) return;
    after = scannedTo;
  }
}

interface PagesOrder {
  readonly after: bigint;
  readonly to: bigint;
  readonly types: readonly string[];
  readonly eventsMax: () => number;
}

export interface ReadPage {
  readonly events: readonly RecordedEvent[];
  /** Everything up to here was looked at. */
  readonly upTo: bigint;
}

/** It may fail while the page before is still worked on; whoever awaits it then hears of it. */
function fetched(
  store: EventStore,
  { types, eventsMax }: PagesOrder,
  after: bigint,
): ReturnType<EventStore['readAll']> {
  const page = store.readAll({ after, limit: eventsMax(), filter: { types } });
  page.catch(() => undefined);
  return page;
}
