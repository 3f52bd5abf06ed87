import type { EventStore, LogPage } from '../event-store/event-store.js';
import { logPages } from '../event-store/log-pages.js';
import { type Filling, PoisonStopsRebuild, TakeAgain } from './filling.js';
import { isOver, type Pace } from './pace.js';

/** One build of a pass over the log, and how far it is to come. */
export interface Replayed {
  readonly filling: Filling;
  readonly target: bigint;
  /** Told after each page, with the events that were written. False: it no longer takes part. */
  onPage(events: number): Promise<boolean>;
  onPoison(poison: PoisonStopsRebuild): Promise<void>;
}

/**
 * Reads the log once for all of them: the first page begins where the last of them stands, and each takes what it doesn't have
 * yet. One that stops doesn't stop the others.
 */
export async function replay(all: readonly Replayed[], order: ReplayOrder): Promise<void> {
  let taking = all.filter(({ filling, target }) => filling.position < target);
  const [first] = taking;
  if (first === undefined) return;
  const { pace, store, signal, eventsPerSMax } = order;
  const pages = logPages(store, {
    after: taking.reduce((least, { filling }) => (filling.position < least ? filling.position : least), first.target),
    to: taking.reduce((most, { target }) => (target > most ? target : most), 0n),
    types: [...new Set(taking.flatMap(({ filling }) => filling.types))],
    // What is allowed in a part of a second, so that a slow rebuild shows how far it is, and can be stopped, all the time.
    eventsMax: () => Math.min(pace.eventsMax(), Math.ceil((eventsPerSMax ?? Infinity) / 4)),
  });
  for await (const page of pages) {
    const taken = await Promise.all(taking.map((each) => take(each, page, order)));
    const staying: Replayed[] = [];
    for (const [at, each] of taking.entries()) {
      const events = taken[at];
      if (events === undefined) continue;
      if (await each.onPage(events)) staying.push(each);
    }
    taking = staying;
    if (taking.length === 0 || isOver(signal)) return;
    await pace.rest(page.events.length, eventsPerSMax, signal);
    if (isOver(signal)) return;
  }
}

export interface ReplayOrder {
  readonly store: EventStore;
  readonly pace: Pace;
  readonly eventsPerSMax: number | null;
  readonly signal: AbortSignal;
}

/** Undefined when an event stopped it. */
async function take(replayed: Replayed, page: LogPage, order: ReplayOrder): Promise<number | undefined> {
  const { filling, target } = replayed;
  try {
    return await filling.take(page, { target, holds: order.pace.isFree }).catch(async (error: unknown) => {
      if (!(error instanceof TakeAgain)) throw error;
      return takeAgain(filling, page.scannedTo < target ? page.scannedTo : target, order);
    });
  } catch (error) {
    if (!(error instanceof PoisonStopsRebuild)) throw error;
    await replayed.onPoison(error);
    return undefined;
  }
}

async function takeAgain(filling: Filling, to: bigint, { store, pace }: ReplayOrder): Promise<number> {
  let events = 0;
  const { position: after, types } = filling;
  for await (const page of logPages(store, { after, to, types, eventsMax: pace.eventsMax })) {
    events += await filling.take(page);
  }
  return events;
}
