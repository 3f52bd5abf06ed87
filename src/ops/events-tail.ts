import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../platform/config/config.js';
import { StoreUnavailable } from '../platform/event-store/errors.js';
import type { EventStore } from '../platform/event-store/event-store.js';
import { Tail } from '../platform/event-store/tail.js';
import type { Printing } from './environment.js';
import { filterOf, type Filtering } from './events-read.js';
import { withLog } from './open-log.js';
import { say } from './output.js';
import { printEvent } from './printed-event.js';

export interface TailingOrder extends Filtering, Printing {
  readonly after?: bigint;
}

const retryMs = 1_000;

/** Follows the log until Ctrl-C, through outages of the database too. */
export async function tailEvents(config: Config, order: TailingOrder): Promise<void> {
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());
  await withLog(config, async ({ store }) => {
    const tail = new Tail(store);
    await follow(store, tail, order, stopped.signal);
    await tail.close();
  });
}

async function follow(store: EventStore, tail: Tail, order: TailingOrder, signal: AbortSignal): Promise<void> {
  const json = order.json === true;
  let after = order.after ?? (await store.head());
  say(`Following the log after position ${String(after)}. Ctrl-C ends it.`);
  while (!signal.aborted) {
    try {
      for await (const { events, upTo } of tail.subscribe({ after, signal, ...filterOf(order) })) {
        events.forEach((event) => printEvent(event, json));
        after = upTo;
      }
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      say('The log cannot be read; trying again.');
      await sleep(retryMs);
    }
  }
}
