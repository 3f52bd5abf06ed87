import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { event, type EventFamily } from '../../src/kernel/event-family.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { InMemoryEventStore } from '../../src/platform/event-store/in-memory.event-store.js';
import { projection, type Projection } from '../../src/platform/projecting/projection.js';
import { table } from '../../src/platform/projecting/table.js';
import { contributors, type RowHistory } from '../../src/platform/proving/contributors.js';
import { RefoldTooLarge } from '../../src/platform/proving/memory-fold.js';

const shop = {
  Stocked: event(z.object({ thing: z.string(), pieces: z.int() })),
  Priced: event(z.object({ thing: z.string(), cents: z.int().nullable() })),
  Sold: event(z.object({ thing: z.string() })),
  Scrapped: event(z.object({ thing: z.string() })),
} satisfies EventFamily;

/** Takings come from what a thing costs at the moment: the fold reads a row of one table to change another's. */
const shelves = projection<typeof shop>()({
  name: 'shelves',
  version: 1,
  tables: {
    things: table({
      name: 'things',
      columns: { thing: 'text', pieces: 'integer', cents: 'integer?', sold_at: 'timestamptz?' },
      key: ['thing'],
    }),
    takings: table({ name: 'takings', columns: { day: 'timestamptz', cents: 'bigint' }, key: ['day'] }),
  },
  reads: (happened): { things?: { thing: string }[] } =>
    happened.type === 'Sold' ? { things: [{ thing: happened.thing }] } : {},
  when: {
    Stocked: ({ thing, pieces }, rows) => {
      rows.things.add({ thing }, { pieces });
    },
    Priced: ({ thing, cents }, rows) => {
      rows.things.set({ thing }, { cents });
    },
    Sold: ({ thing }, rows, { recordedAt }) => {
      rows.things.add({ thing }, { pieces: -1 });
      rows.things.set({ thing }, { sold_at: recordedAt });
      rows.takings.add({ day: new Date(0) }, { cents: rows.things.get({ thing })?.cents ?? 0 });
    },
    Scrapped: ({ thing }, rows) => {
      rows.things.remove({ thing });
    },
  },
});

let store: InMemoryEventStore;

beforeEach(() => {
  store = new InMemoryEventStore(new EventCodec([shop]));
});

type Happened = Parameters<NonNullable<typeof shelves.reads>>[0];

async function happens(...events: readonly Happened[]): Promise<bigint> {
  let position = 0n;
  for (const each of events) {
    const writes = [{ stream: `thing-${each.thing}`, expected: 'any', events: [each] }] as const;
    position = (await store.append({ writes, metadata: { correlationId: 'test' } })).position;
  }
  return position;
}

async function history(
  wanted: Parameters<typeof contributors>[0]['wanted'][number],
  options: Partial<Parameters<typeof contributors>[0]> = {},
): Promise<RowHistory> {
  const watched: Projection = shelves;
  const upTo = await store.head();
  const [found] = await contributors({ projection: watched, store, wanted: [wanted], upTo, newestMax: 10, ...options });
  if (found === undefined) throw new Error('Nothing was answered.');
  return found;
}

const told = ({ events }: RowHistory) =>
  events.map(({ position, type, effect }) => `${String(position)} ${type} ${effect}`);

describe('the events that made a row', () => {
  test('are named newest first, with what each did to which column', async () => {
    await happens(
      { type: 'Stocked', thing: 'cup', pieces: 5 },
      { type: 'Stocked', thing: 'pot', pieces: 2 },
      { type: 'Priced', thing: 'cup', cents: 300 },
      { type: 'Stocked', thing: 'cup', pieces: 2 },
    );
    const found = await history({ table: 'things', key: { thing: 'cup' } });
    expect(told(found)).toEqual(['4 Stocked changed', '3 Priced changed', '1 Stocked created']);
    expect(found.row).toEqual({ thing: 'cup', pieces: 7, cents: 300, sold_at: null });
    expect(found.events.map(({ columns }) => columns)).toEqual([
      { pieces: { before: 5, after: 7, by: 2 } },
      { cents: { before: null, after: 300 } },
      { pieces: { before: null, after: 5, by: 5 } },
    ]);
    expect(found.events[0]).toMatchObject({ stream: 'thing-cup', version: 3 });
  });

  test('include those that removed it, that made it anew, and that left it as it was', async () => {
    await happens(
      { type: 'Stocked', thing: 'cup', pieces: 5 },
      { type: 'Scrapped', thing: 'cup' },
      { type: 'Scrapped', thing: 'cup' },
      { type: 'Priced', thing: 'cup', cents: null },
      { type: 'Priced', thing: 'cup', cents: null },
    );
    const found = await history({ table: 'things', key: { thing: 'cup' } });
    expect(told(found)).toEqual([
      '5 Priced left as it was',
      '4 Priced created',
      '3 Scrapped left as it was',
      '2 Scrapped removed',
      '1 Stocked created',
    ]);
    expect(found.row).toEqual({ thing: 'cup', pieces: 0, cents: null, sold_at: null });
    expect((await history({ table: 'things', key: { thing: 'cup' } }, { upTo: 3n })).row).toBeNull();
  });

  test('are found where the fold reads rows of other keys', async () => {
    await happens(
      { type: 'Priced', thing: 'cup', cents: 300 },
      { type: 'Priced', thing: 'pot', cents: 900 },
      { type: 'Sold', thing: 'cup' },
      { type: 'Priced', thing: 'cup', cents: 400 },
      { type: 'Sold', thing: 'pot' },
      { type: 'Sold', thing: 'cup' },
    );
    const found = await history({ table: 'takings', key: { day: '1970-01-01T00:00:00Z' } });
    expect(found.row).toMatchObject({ cents: 1_600 });
    expect(found.events.map(({ columns }) => columns['cents']?.by)).toEqual([400, 900, 300]);
  });

  test('are as many as were asked for, and all are counted', async () => {
    await happens(...Array.from({ length: 45 }, () => ({ type: 'Sold', thing: 'cup' }) as const));
    const found = await history({ table: 'things', key: { thing: 'cup' } }, { newestMax: 3 });
    expect(found.events.map(({ position }) => position)).toEqual([45, 44, 43]);
    expect(found).toMatchObject({ eventsTotal: 45, row: { pieces: -45 } });
  });

  test('leave out what the read model could not take', async () => {
    await happens({ type: 'Sold', thing: 'cup' }, { type: 'Sold', thing: 'cup' });
    const found = await history({ table: 'things', key: { thing: 'cup' } }, { without: new Set([1n]) });
    expect(told(found)).toEqual(['2 Sold created']);
  });

  test('are none for a row that never was', async () => {
    await happens({ type: 'Sold', thing: 'cup' });
    expect(await history({ table: 'things', key: { thing: 'pot' } })).toMatchObject({ row: null, eventsTotal: 0 });
  });

  test('are refused when the fold reads more rows than memory is meant to hold', async () => {
    await happens(...['a', 'b', 'c', 'd'].map((thing) => ({ type: 'Sold', thing }) as const));
    await expect(history({ table: 'things', key: { thing: 'a' } }, { rowsMax: 3 })).rejects.toThrow(RefoldTooLarge);
  });
});
