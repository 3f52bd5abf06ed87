import type { EventStore, LogPage } from '../event-store/event-store.js';

export interface Stretch {
  /** Events behind this position … */
  readonly after: bigint;
  /** … up to this one. */
  readonly upTo: bigint;
  readonly types: readonly string[];
  readonly signal: AbortSignal;
}

/** Large enough that what is done once per batch does not count, small enough that two of them are no memory to speak of. */
const pageEventsMax = 10_000;

/**
 * A stretch of the log, page by page. The next page is fetched while the one before is folded. Throws the signal's reason
 * when it is given.
 */
export async function* pagesOf(store: EventStore, stretch: Stretch): AsyncGenerator<LogPage, void> {
  const { after, upTo, signal } = stretch;
  if (after >= upTo) return;
  let next = fetchAfter(store, after, stretch);
  for (let from = after; from < upTo;) {
    signal.throwIfAborted();
    const page = await next;
    const end = page.scannedTo === from || page.scannedTo > upTo ? upTo : page.scannedTo;
    if (end < upTo) next = fetchAfter(store, end, stretch);
    yield { events: page.events.filter(({ position }) => position <= upTo), scannedTo: end };
    from = end;
  }
}

function fetchAfter(store: EventStore, after: bigint, { types }: Stretch): Promise<LogPage> {
  const page = store.readAll({ after, limit: pageEventsMax, filter: { types } });
  // It may fail while the page before is still being folded; whoever awaits it then hears of it.
  page.catch(() => undefined);
  return page;
}
