import type { EventStore, LogPage } from './event-store.js';

/**
 * The part of the log between two positions, page by page. The next page is on its way while one is worked on, and never more
 * than that: memory doesn't depend on the length of the log. Throws the signal's reason when it is given.
 */
export async function* logPages(store: EventStore, order: PagesOrder): AsyncGenerator<LogPage, void, void> {
  let { after } = order;
  if (after >= order.to) return;
  let next = fetched(store, order, after);
  for (;;) {
    order.signal?.throwIfAborted();
    const page = await next;
    const scannedTo = page.scannedTo < order.to ? page.scannedTo : order.to;
    const isLast = scannedTo === order.to || scannedTo === after;
    if (!isLast) next = fetched(store, order, scannedTo);
    yield scannedTo === page.scannedTo
      ? page
      : { events: page.events.filter(({ position }) => position <= scannedTo), scannedTo };
    if (isLast) return;
    after = scannedTo;
  }
}

interface PagesOrder {
  readonly after: bigint;
  readonly to: bigint;
  readonly types: readonly string[];
  /** Asked before each page. */
  readonly eventsMax?: () => number;
  readonly signal?: AbortSignal;
}

/** Large enough that what is done once per page does not count, small enough that two of them are no memory to speak of. */
const pageEventsMax = 10_000;

/** It may fail while the page before is still worked on; whoever awaits it then hears of it. */
function fetched(store: EventStore, { types, eventsMax }: PagesOrder, after: bigint): Promise<LogPage> {
  const page = store.readAll({ after, limit: eventsMax?.() ?? pageEventsMax, filter: { types } });
  page.catch(() => undefined);
  return page;
}
