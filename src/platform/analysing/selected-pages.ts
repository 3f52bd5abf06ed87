import { categoryOf, type EventStore, type LogPage, type RecordedEvent } from '../event-store/event-store.js';
import type { PageSize } from './page-size.js';
import type { Reached, Stretch } from './selection.js';

/** Where a stretch ended: everything up to here was looked at, and whoever goes on begins after it. */
export interface Ending {
  readonly position: bigint;
  readonly reached: Reached;
}

/**
 * What was selected, page by page. A page is read when it is asked for, in a statement of its own: whoever takes their time
 * holds no connection and no transaction, and no more than one page.
 */
export async function* selectedPages(
  store: EventStore,
  stretch: Stretch,
  size: PageSize,
): AsyncGenerator<LogPage, Ending> {
  const { after, upTo, end } = stretch;
  let at = after;
  let left = stretch.limit;
  if (left <= 0) return { position: after, reached: 'limit' };
  for await (const page of stretch.stream === undefined
    ? ofLog(store, stretch, size)
    : ofStream(store, stretch, size)) {
    const inRange = page.events.filter(({ position }) => position > after && position <= upTo);
    const events = inRange.slice(0, left);
    left -= events.length;
    const last = events.at(-1);
    at = left === 0 && last !== undefined ? last.position : smaller(page.scannedTo, upTo);
    yield { events, scannedTo: at };
    if (left === 0) return { position: at, reached: 'limit' };
    if (page.scannedTo >= upTo) break;
  }
  return { position: at > upTo ? at : upTo, reached: end };
}

async function* ofLog(store: EventStore, stretch: Stretch, size: PageSize): AsyncGenerator<LogPage> {
  const filter = stretch.filter === undefined ? {} : { filter: stretch.filter };
  for (let after = stretch.after; after < stretch.upTo;) {
    const page = await store.readAll({ after, limit: Math.min(size.events, stretch.limit), ...filter });
    if (page.scannedTo === after) return;
    after = page.scannedTo;
    yield page;
  }
}

/** The log has no index of positions by stream, and needs none: a stream is as long as a decision can bear. */
async function* ofStream(store: EventStore, stretch: Stretch, size: PageSize): AsyncGenerator<LogPage> {
  const { stream = '', filter = {} } = stretch;
  if (filter.categories?.includes(categoryOf(stream)) === false) return;
  const wanted = filter.types && new Set(filter.types);
  const passes = ({ event }: RecordedEvent): boolean => wanted?.has(event.type) ?? true;
  for (let from = 1; ;) {
    const slice = await store.readStream(stream, { from, limit: size.events });
    const last = slice.events.at(-1);
    if (last === undefined) return;
    yield { events: slice.events.filter(passes), scannedTo: last.position };
    from = last.version + 1;
  }
}

function smaller(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
