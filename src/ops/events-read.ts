import type { Config } from '../platform/config/config.js';
import type { EventStore, LogFilter, RecordedEvent } from '../platform/event-store/event-store.js';
import type { Printing } from './environment.js';
import { withLog } from './open-log.js';
import { say } from './output.js';
import { printEvent, unknownTypesSentence } from './printed-event.js';

export interface ReadOrder extends Filtering, Printing {
  readonly stream?: string;
  readonly after?: bigint;
  readonly limit: number;
  readonly backwards?: boolean;
}

export interface Filtering {
  readonly type?: readonly string[];
  readonly category?: readonly string[];
}

const pageEventsMax = 1_000;
/** Greater than every position and version. */
const end = 9_007_199_254_740_991n;

export async function readEvents(config: Config, order: ReadOrder): Promise<void> {
  await withLog(config, async ({ store, codec }) => {
    const events = order.stream === undefined ? ofLog(store, order) : ofStream(store, order.stream, order);
    let left = order.limit;
    for await (const event of events) {
      printEvent(event, order.json === true);
      left -= 1;
      if (left === 0) break;
    }
    const unknown = unknownTypesSentence(codec.unknownTypes);
    if (unknown !== undefined) say(unknown);
  });
}

/** To be spread into an order to the log: without a filter the log is read a faster way than with one that lets all pass. */
export function filterOf({ type, category }: Filtering): { readonly filter?: LogFilter } {
  if (type === undefined && category === undefined) return {};
  const types = type === undefined ? {} : { types: type };
  return { filter: category === undefined ? types : { ...types, categories: category } };
}

async function* ofLog(store: EventStore, order: ReadOrder): AsyncGenerator<RecordedEvent> {
  const direction = order.backwards === true ? 'backwards' : 'forwards';
  let after = order.after ?? (direction === 'forwards' ? 0n : end);
  for (;;) {
    const page = await store.readAll({
      after,
      limit: Math.min(order.limit, pageEventsMax),
      direction,
      ...filterOf(order),
    });
    yield* page.events;
    if (page.scannedTo === after || page.scannedTo === 0n) return;
    after = page.scannedTo;
  }
}

async function* ofStream(store: EventStore, stream: string, order: ReadOrder): AsyncGenerator<RecordedEvent> {
  const backwards = order.backwards === true;
  const wanted = order.type === undefined ? undefined : new Set(order.type);
  let from = firstVersion(order);
  while (from > 0) {
    const { events } = await store.readStream(stream, {
      from,
      direction: backwards ? 'backwards' : 'forwards',
      limit: pageEventsMax,
    });
    yield* events.filter(({ event }) => wanted?.has(event.type) ?? true);
    const last = events.at(-1);
    if (last === undefined) return;
    from = last.version + (backwards ? -1 : 1);
  }
}

function firstVersion({ after, backwards }: ReadOrder): number {
  if (backwards === true) return after === undefined ? 2_147_483_647 : Number(after) - 1;
  return after === undefined ? 1 : Number(after) + 1;
}
