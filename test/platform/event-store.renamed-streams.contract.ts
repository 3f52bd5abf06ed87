import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { event } from '../../src/kernel/event-family.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import type {
  Append,
  EventStore,
  ExpectedVersion,
  LogFilter,
  RecordedEvent,
} from '../../src/platform/event-store/event-store.js';
import type { Upcast } from '../../src/kernel/upcast.js';
import type { ContractSubject } from './event-store.contract.js';

/** What every event store promises of streams that are called something else now, and of events that are older than it. */
const counted = { Counted: event(z.strictObject({ n: z.int() })) };
/** Streams of scores were stored as tallies once. */
const tallied: Upcast = {
  type: 'Tallied',
  version: 1,
  into: [{ type: 'Counted', schemaVersion: 1 }],
  lift: ({ data }) => ({ type: 'Counted', schemaVersion: 1, data: { n: data['strokes'] ?? 0 } }),
  streams: { from: 'tally-t_', to: 'score-s_' },
};

const codecOf = (): EventCodec => new EventCodec([counted], [tallied]);
const limits = { eventBytesMax: 2_000, appendEventsMax: 100, appendQueueMax: 2_000 };
const metadata = { correlationId: 'contract' };
const count = (n: number): { type: string; n: number } => ({ type: 'Counted', n });

function to(stream: string, expected: ExpectedVersion, ...numbers: number[]): Append {
  return { writes: [{ stream, expected, events: numbers.map(count) }], metadata };
}

const numbersOf = (events: readonly RecordedEvent[]): unknown[] =>
  events.map(({ event }) => ('n' in event ? event.n : undefined));

const names = (): { old: string; now: string } => {
  const id = randomUUID();
  return { old: `tally-t_${id}`, now: `score-s_${id}` };
};
const strokes = (...numbers: number[]) =>
  numbers.map((n) => ({ id: randomUUID(), type: 'Tallied', schemaVersion: 1, data: { strokes: n } }));
const past = (stream: string, expected: ExpectedVersion, ...numbers: number[]): Append => ({
  writes: [{ stream, expected, events: [], history: strokes(...numbers) }],
  metadata,
});

export function renamedStreamsContract(subject: ContractSubject): void {
  let store: EventStore;
  let close: () => Promise<void>;

  beforeAll(async () => {
    ({ store, close } = await subject.open(codecOf(), limits));
  });
  afterAll(() => close());

  describe('a stream that was renamed', () => {
    test('tells its past as events of today, with the ids they had, to readers and to whoever stored it', async () => {
      const { old, now } = names();
      const append = past(old, 'none', 1, 2);
      const stored = await store.append(append);
      const read = await store.readStream(now);
      expect(read.events).toEqual(stored.events);
      expect(read.version).toBe(2);
      expect(read.events.map(({ id }) => id)).toEqual(append.writes[0]?.history?.map(({ id }) => id));
      expect(read.events[1]).toMatchObject({ stream: now, version: 2, event: { type: 'Counted', n: 2 } });
    });

    test('goes on in one sequence of versions, whichever name is used and whoever knows it already', async () => {
      const { old, now } = names();
      await store.append(past(old, 'none', 1, 2));
      // Another process, which has not come by the stream yet.
      const other = await subject.open(codecOf(), limits, store);
      expect((await other.store.append(to(now, 2, 3))).versions).toEqual([3]);
      expect((await store.append(to(old, 3, 4))).versions).toEqual([4]);
      expect((await other.store.append(past(old, 4, 5))).versions).toEqual([5]);
      for (const name of [old, now]) {
        const { events, version } = await store.readStream(name);
        expect(version).toBe(5);
        expect(numbersOf(events)).toEqual([1, 2, 3, 4, 5]);
        expect(new Set(events.map(({ stream }) => stream))).toEqual(new Set([now]));
      }
      const backwards = await other.store.readStream(now, { direction: 'backwards', limit: 2 });
      expect(numbersOf(backwards.events)).toEqual([5, 4]);
      expect(await other.store.readStream(now, { from: 6 })).toEqual({ events: [], version: 5 });
      await other.close();
    });

    test.each<[ExpectedVersion, boolean]>([
      ['none', false],
      ['exists', true],
      ['any', true],
      [1, false],
      [2, true],
    ])('is checked by its stored version: expecting %p is accepted: %p', async (expected, accepted) => {
      const { old, now } = names();
      await store.append(past(old, 'none', 1, 2));
      const other = await subject.open(codecOf(), limits, store);
      const attempt = other.store.append(to(now, expected, 3));
      if (accepted) expect((await attempt).versions).toEqual([3]);
      else {
        const conflict = { name: 'VersionConflict', stream: now, expected, actual: 2 };
        await expect(attempt).rejects.toMatchObject(conflict);
      }
      await other.close();
    });

    test('cannot begin a second time under another name', async () => {
      const first = names();
      await store.append(to(first.now, 'none', 1));
      const again = store.append(past(first.old, 'none', 1));
      await expect(again).rejects.toMatchObject({ stream: first.now, expected: 'none', actual: 1 });
      expect((await store.append(past(first.old, 1, 2))).versions).toEqual([2]);
      expect(numbersOf((await store.readStream(first.now)).events)).toEqual([1, 2]);
      const second = names();
      const outcomes = await Promise.allSettled([
        store.append(past(second.old, 'none', 1)),
        store.append(to(second.now, 'none', 1)),
        store.append(past(second.old, 0, 1)),
      ]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
      expect((await store.readStream(second.now)).version).toBe(1);
    });

    test('takes all appends that expect any in the order of the calls', async () => {
      const { old, now } = names();
      await store.append(past(old, 'none', 0));
      const other = await subject.open(codecOf(), limits, store);
      const calls = Array.from({ length: 20 }, (_, n) => other.store.append(to(n % 2 === 0 ? now : old, 'any', n + 1)));
      expect((await Promise.all(calls)).map(({ versions }) => versions[0])).toEqual(calls.map((_, n) => n + 2));
      await other.close();
    });

    test('is written together with others, and told apart from them', async () => {
      const { old, now } = names();
      const plain = `counter-${randomUUID()}`;
      const both: Append = {
        writes: [
          { stream: old, expected: 'none', events: [count(2)], history: strokes(1) },
          { stream: plain, expected: 'none', events: [count(3)] },
        ],
        metadata,
      };
      const { versions, events } = await store.append(both);
      expect(versions).toEqual([2, 1]);
      expect(events.map(({ stream }) => stream)).toEqual([now, now, plain]);
      const twice = [old, now].map((stream) => ({ stream, expected: 'any', events: [] }) as const);
      await expect(store.append({ writes: twice, metadata })).rejects.toThrow('names each stream once');
    });

    test('is found by filters for today’s category and type, under whichever name it is stored', async () => {
      const after = await store.head();
      const [first, second] = [names(), names()];
      await store.append(past(first.old, 'none', 1));
      await store.append(to(first.now, 1, 2));
      await store.append(to(second.now, 'none', 3));
      await store.append(to(`counter-${randomUUID()}`, 'none', 4));
      const read = async (filter: LogFilter) => numbersOf((await store.readAll({ after, limit: 9, filter })).events);
      expect(await read({ categories: ['score'] })).toEqual([1, 2, 3]);
      expect(await read({ categories: ['tally'] })).toEqual([]);
      expect(await read({ types: ['Counted'], categories: ['score', 'counter'] })).toEqual([1, 2, 3, 4]);
      const { events } = await store.readAll({ after: (await store.head()) + 1n, limit: 3, direction: 'backwards' });
      expect(events.map(({ stream }) => stream)).toEqual([expect.anything(), second.now, first.now]);
    });

    test('refuses a past that could not be read', async () => {
      const { old, now } = names();
      const wrong = { id: randomUUID(), type: 'Tallied', schemaVersion: 1, data: { strokes: 'many' } };
      const append = { writes: [{ stream: old, expected: 'none', events: [], history: [wrong] } as const], metadata };
      await expect(store.append(append)).rejects.toThrow('Tallied cannot be stored');
      expect((await store.readStream(now)).version).toBe(0);
    });
  });
}
