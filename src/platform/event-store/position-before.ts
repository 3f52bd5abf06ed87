import type { EventStore, RecordedEvent } from './event-store.js';

/**
 * The last position that was recorded before a time. Recorded times never go back from one position to the next, so it is found
 * by halving, in about twenty look-ups for a million events, whatever the store is.
 */
export async function positionBefore(store: EventStore, time: Date, head: bigint): Promise<bigint> {
  let before = 0n;
  let notBefore = head + 1n;
  while (before + 1n < notBefore) {
    const middle = (before + notBefore) / 2n;
    const event = await firstFrom(store, middle, notBefore);
    if (event === undefined || event.recordedAt >= time) notBefore = middle;
    else before = event.position;
  }
  return before;
}

/** Positions may have gaps, and some events are unknown to this program; whatever is next stands for them. */
async function firstFrom(store: EventStore, position: bigint, below: bigint): Promise<RecordedEvent | undefined> {
  for (let after = position - 1n; after < below - 1n;) {
    const { events, scannedTo } = await store.readAll({ after, limit: 1 });
    const [event] = events;
    if (event !== undefined) return event.position < below ? event : undefined;
    if (scannedTo === after) return undefined;
    after = scannedTo;
  }
  return undefined;
}
