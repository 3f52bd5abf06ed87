import { z } from 'zod';
import { event } from '../../src/kernel/event-family.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { InMemoryEventStore } from '../../src/platform/event-store/in-memory.event-store.js';
import type { DomainEvent, EventStore } from '../../src/platform/event-store/event-store.js';

/** A log of a library: small events of every kind that readers of the log must get right. */
export const libraryEvents = {
  BookBought: event(z.object({ title: z.string(), price: z.number(), tags: z.array(z.string()) })),
  /** Version 1 said only to whom. */
  BookLent: event(z.object({ to: z.string(), days: z.int() }), {
    version: 2,
    from: { 1: (data) => ({ ...data, days: 14 }) },
  }),
  BookReturned: event(z.object({ note: z.string().nullable() })),
};

export const libraryCodec = (): EventCodec => new EventCodec([libraryEvents]);

export async function aLibrary(books: number, store: EventStore = new InMemoryEventStore(libraryCodec())) {
  for (let nth = 0; nth < books; nth += 1) await buy(store, nth);
  return store;
}

/** Three events: bought, lent, returned. */
export async function buy(store: EventStore, nth: number): Promise<void> {
  const events: DomainEvent[] = [
    Object.assign(
      { type: 'BookBought' },
      { title: `Book "${String(nth)}",\nvolume 1`, price: nth + 0.1, tags: ['new'] },
    ),
    Object.assign({ type: 'BookLent' }, { to: `reader-${String(nth % 7)}`, days: 14 }),
    Object.assign({ type: 'BookReturned' }, { note: nth % 2 === 0 ? null : 'späte Rückgabe 📚' }),
  ];
  await store.append({
    writes: [{ stream: `${nth % 3 === 0 ? 'rarity' : 'book'}-${String(nth)}`, expected: 'none', events }],
    metadata: { correlationId: `purchase ${String(nth)}`, actor: 'ada' },
  });
}
