import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { event } from '../../src/kernel/event-family.js';
import {
  AppendQueueFull,
  AppendTooLarge,
  CommandReused,
  StoreUnavailable,
  VersionConflict,
} from '../../src/platform/event-store/errors.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import type { Append, EventStore, ExpectedVersion, RecordedEvent } from '../../src/platform/event-store/event-store.js';
import { Tail, type TailBatch } from '../../src/platform/event-store/tail.js';

/**
 * What every event store promises. An adapter is done when this suite passes unchanged.
 *
 * Nothing here assumes gapless positions: that is a bonus of one adapter and tested there.
 */
const counted = { Counted: event(z.strictObject({ n: z.int(), text: z.string().optional() })) };
const renamed = { Renamed: event(z.strictObject({ name: z.string() })) };
const contractCodec = (): EventCodec => new EventCodec([counted, renamed]);

export interface ContractLimits {
  readonly eventBytesMax: number;
  readonly appendEventsMax: number;
  readonly appendQueueMax: number;
}

export interface ContractSubject {
  /** `beside` is a store that was opened before: the new one is another process on the same log. */
  open(
    codec: EventCodec,
    limits: ContractLimits,
    beside?: EventStore,
  ): Promise<{ store: EventStore; close(): Promise<void> }>;
}

const limits: ContractLimits = { eventBytesMax: 2_000, appendEventsMax: 100, appendQueueMax: 2_000 };
const metadata = { correlationId: 'contract' };
const count = (n: number): { type: string; n: number } => ({ type: 'Counted', n });
const newStream = (category = 'counter'): string => `${category}-${randomUUID()}`;

function to(stream: string, expected: ExpectedVersion, ...numbers: number[]): Append {
  return { writes: [{ stream, expected, events: numbers.map(count) }], metadata };
}

const numbersOf = (events: readonly RecordedEvent[]): unknown[] =>
  events.map(({ event }) => ('n' in event ? event.n : undefined));

export function eventStoreContract(subject: ContractSubject): void {
  let store: EventStore;
  let close: () => Promise<void>;

  beforeAll(async () => {
    ({ store, close } = await subject.open(contractCodec(), limits));
  });
  afterAll(() => close());

  describe('an append', () => {
    test('answers with positions, versions and what was recorded', async () => {
      const stream = newStream();
      const first = await store.append(to(stream, 'none', 1, 2));
      const second = await store.append(to(stream, 2, 3));
      expect(first.versions).toEqual([2]);
      expect(second.versions).toEqual([3]);
      expect(second.position).toBeGreaterThan(first.position);
      expect(first.events[1]?.position).toBe(first.position);
      const read = await store.readStream(stream);
      expect(read.events).toEqual([...first.events, ...second.events]);
      expect(read.version).toBe(3);
    });

    test.each<[ExpectedVersion, number, boolean]>([
      ['none', 0, true],
      ['none', 2, false],
      ['exists', 0, false],
      ['exists', 2, true],
      ['any', 0, true],
      ['any', 2, true],
      [0, 0, true],
      [0, 2, false],
      [1, 2, false],
      [2, 2, true],
      [3, 2, false],
      [1, 0, false],
    ])('expecting %p on a stream at version %i is accepted: %p', async (expected, version, accepted) => {
      const stream = newStream();
      if (version > 0) await store.append(to(stream, 'none', ...Array.from({ length: version }, (_, n) => n)));
      const before = await store.head();
      const attempt = store.append(to(stream, expected, 9));
      if (accepted) expect((await attempt).versions).toEqual([version + 1]);
      else {
        await expect(attempt).rejects.toMatchObject({ name: 'VersionConflict', stream, actual: version });
        expect(await store.head()).toBe(before);
      }
    });

    test('to several streams is all or nothing', async () => {
      const [one, two] = [newStream(), newStream()];
      await store.append(to(two, 'none', 1));
      const both = (expected: ExpectedVersion): Append => ({
        writes: [
          { stream: one, expected: 'none', events: [count(1), count(2)] },
          { stream: two, expected, events: [count(3)] },
        ],
        metadata,
      });
      await expect(store.append(both('none'))).rejects.toBeInstanceOf(VersionConflict);
      expect((await store.readStream(one)).version).toBe(0);
      expect((await store.append(both(1))).versions).toEqual([2, 2]);
      expect(numbersOf((await store.readStream(two)).events)).toEqual([1, 3]);
    });

    test('may check a stream that it does not write', async () => {
      const [written, checked] = [newStream(), newStream()];
      const append = (expected: ExpectedVersion): Append => ({
        writes: [
          { stream: written, expected: 'any', events: [count(1)] },
          { stream: checked, expected, events: [] },
        ],
        metadata,
      });
      await expect(store.append(append('exists'))).rejects.toMatchObject({ stream: checked });
      expect((await store.append(append('none'))).versions).toEqual([1, 0]);
      expect((await store.readStream(checked)).version).toBe(0);
    });

    test('keeps what the event says, to the letter', async () => {
      const stream = newStream();
      const text = 'quotes " and \\ backslashes, {braces}, NULL, Grüße, 😀, \n\t, ’';
      await store.append({
        writes: [{ stream, expected: 'none', events: [{ type: 'Counted', ...{ n: 1, text } }] }],
        metadata,
      });
      expect((await store.readStream(stream)).events[0]?.event).toEqual({ type: 'Counted', n: 1, text });
    });

    test('keeps its metadata', async () => {
      const stream = newStream();
      const why = {
        correlationId: 'c"1',
        commandId: 'k',
        causationId: randomUUID(),
        actor: 'a\\b',
        trace: '00-1-2-01',
      };
      await store.append({ ...to(stream, 'none', 1), metadata: why });
      expect((await store.readStream(stream)).events[0]?.metadata).toEqual(why);
    });

    test('of 40 callers to one stream lets exactly one in per version', async () => {
      const stream = newStream();
      const race = async (expected: number): Promise<number> => {
        const outcomes = await Promise.allSettled(
          Array.from({ length: 40 }, (_, n) => store.append(to(stream, expected, n))),
        );
        const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
        for (const { reason } of refused) expect(reason).toBeInstanceOf(VersionConflict);
        return outcomes.length - refused.length;
      };
      expect(await race(0)).toBe(1);
      expect(await race(1)).toBe(1);
      expect((await store.readStream(stream)).version).toBe(2);
    });

    test('of 40 callers to one stream, expecting any, lets all in, in the order of the calls', async () => {
      const stream = newStream();
      const results = await Promise.all(Array.from({ length: 40 }, (_, n) => store.append(to(stream, 'any', n))));
      expect(results.map(({ versions }) => versions[0])).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
      expect(numbersOf((await store.readStream(stream)).events)).toEqual(Array.from({ length: 40 }, (_, n) => n));
    });

    test('fails alone: its neighbours in the same flush go through', async () => {
      const taken = newStream();
      await store.append(to(taken, 'none', 0));
      const streams = Array.from({ length: 20 }, () => newStream());
      const outcomes = await Promise.allSettled([
        ...streams.slice(0, 10).map((stream) => store.append(to(stream, 'none', 1, 2))),
        store.append(to(taken, 'none', 1)),
        ...streams.slice(10).map((stream) => store.append(to(stream, 'none', 1, 2))),
      ]);
      expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
      for (const stream of streams) expect((await store.readStream(stream)).version).toBe(2);
    });
  });

  describe('the command ledger', () => {
    const commanded = (
      stream: string,
      id: string,
      fingerprint: string,
      expected: ExpectedVersion = 'none',
    ): Append => ({
      ...to(stream, expected, 1, 2),
      command: { id, fingerprint },
    });

    test('answers a repetition with the first result', async () => {
      const [stream, id] = [newStream(), randomUUID()];
      const first = await store.append(commanded(stream, id, 'f'));
      expect(first.repeated).toBe(false);
      const again = await store.append(commanded(stream, id, 'f'));
      expect(again).toMatchObject({ repeated: true, position: first.position, events: first.events });
      expect(await store.findCommand({ id, fingerprint: 'f' })).toMatchObject({ repeated: true, events: first.events });
      expect((await store.readStream(stream)).version).toBe(2);
    });

    test('answers repetitions that arrive together', async () => {
      const [stream, id] = [newStream(), randomUUID()];
      const results = await Promise.all(
        Array.from({ length: 10 }, () => store.append(commanded(stream, id, 'f', 'any'))),
      );
      expect(results.filter(({ repeated }) => !repeated)).toHaveLength(1);
      expect(new Set(results.map(({ position }) => position)).size).toBe(1);
      expect((await store.readStream(stream)).version).toBe(2);
    });

    test('refuses the same id with another payload', async () => {
      const [stream, id] = [newStream(), randomUUID()];
      await store.append(commanded(stream, id, 'f'));
      await expect(store.append(commanded(newStream(), id, 'g'))).rejects.toBeInstanceOf(CommandReused);
      await expect(store.findCommand({ id, fingerprint: 'g' })).rejects.toBeInstanceOf(CommandReused);
    });

    test('remembers a command that changed nothing', async () => {
      const [stream, id] = [newStream(), randomUUID()];
      const nothing: Append = {
        writes: [{ stream, expected: 'none', events: [] }],
        metadata,
        command: { id, fingerprint: 'f' },
      };
      const first = await store.append(nothing);
      const again = await store.append(nothing);
      expect(again).toMatchObject({ repeated: true, events: [], position: first.position });
    });

    test('remembers nothing of an append that was refused', async () => {
      const [stream, id] = [newStream(), randomUUID()];
      await store.append(to(stream, 'none', 1));
      await expect(store.append(commanded(stream, id, 'f'))).rejects.toBeInstanceOf(VersionConflict);
      expect(await store.findCommand({ id, fingerprint: 'f' })).toBeUndefined();
      expect((await store.append(commanded(stream, id, 'f', 1))).repeated).toBe(false);
    });
  });

  describe('reading', () => {
    test('a stream goes forwards and backwards, from any version, up to a limit', async () => {
      const stream = newStream();
      await store.append(to(stream, 'none', 1, 2, 3, 4, 5));
      const read = async (range: Parameters<EventStore['readStream']>[1]): Promise<unknown[]> =>
        numbersOf((await store.readStream(stream, range)).events);
      expect(await read({})).toEqual([1, 2, 3, 4, 5]);
      expect(await read({ from: 3 })).toEqual([3, 4, 5]);
      expect(await read({ from: 2, limit: 2 })).toEqual([2, 3]);
      expect(await read({ direction: 'backwards' })).toEqual([5, 4, 3, 2, 1]);
      expect(await read({ direction: 'backwards', from: 3, limit: 2 })).toEqual([3, 2]);
      expect(await store.readStream(stream, { from: 6 })).toEqual({ events: [], version: 5 });
      expect(await store.readStream(newStream())).toEqual({ events: [], version: 0 });
    });

    test('the log pages through everything once, in order', async () => {
      const after = await store.head();
      for (let n = 0; n < 25; n += 1) await store.append(to(newStream(), 'none', n));
      const seen: RecordedEvent[] = [];
      for (let cursor = after, page; ; cursor = page.scannedTo) {
        page = await store.readAll({ after: cursor, limit: 4 });
        seen.push(...page.events);
        if (page.scannedTo === cursor) break;
      }
      expect(numbersOf(seen)).toEqual(Array.from({ length: 25 }, (_, n) => n));
    });

    test('the log backwards starts before the given position', async () => {
      const after = await store.head();
      const { events } = await store.append(to(newStream(), 'none', 1, 2, 3));
      const last = events[2]?.position ?? 0n;
      const page = await store.readAll({ after: last, limit: 2, direction: 'backwards' });
      expect(numbersOf(page.events)).toEqual([2, 1]);
      expect(page.scannedTo).toBeGreaterThan(after);
    });

    test('the log filters by type and category and says how far it looked', async () => {
      const after = await store.head();
      const [counter, person] = [newStream(), newStream('person')];
      const renaming = { type: 'Renamed', name: 'x' };
      await store.append({ writes: [{ stream: person, expected: 'none', events: [renaming, count(1)] }], metadata });
      await store.append({ writes: [{ stream: counter, expected: 'none', events: [count(2), renaming] }], metadata });
      const head = await store.head();
      const read = (filter: { types?: string[]; categories?: string[] }) => store.readAll({ after, limit: 10, filter });
      expect(numbersOf((await read({ types: ['Counted'] })).events)).toEqual([1, 2]);
      expect((await read({ categories: ['person'] })).events.map(({ event }) => event.type)).toEqual([
        'Renamed',
        'Counted',
      ]);
      expect(numbersOf((await read({ types: ['Counted'], categories: ['counter'] })).events)).toEqual([2]);
      expect((await read({ types: ['Renamed'] })).scannedTo).toBe(head);
      expect(await read({ types: ['Never'] })).toEqual({ events: [], scannedTo: head });
      const one = await store.readAll({ after, limit: 1, filter: { types: ['Counted'] } });
      expect(one.scannedTo).toBe(one.events[0]?.position);
    });
  });

  describe('limits', () => {
    test('refuse an event that is too large, and write nothing', async () => {
      const stream = newStream();
      const large = { type: 'Counted', n: 1, text: 'ü'.repeat(limits.eventBytesMax / 2) };
      await expect(
        store.append({ writes: [{ stream, expected: 'any', events: [count(1), large] }], metadata }),
      ).rejects.toBeInstanceOf(AppendTooLarge);
      expect((await store.readStream(stream)).version).toBe(0);
    });

    test('refuse too many events in one append', async () => {
      const many = Array.from({ length: limits.appendEventsMax + 1 }, (_, n) => n);
      await expect(store.append(to(newStream(), 'any', ...many))).rejects.toBeInstanceOf(AppendTooLarge);
    });

    test('refuse appends beyond the queue at once, and carry out those that were taken', async () => {
      const stream = newStream();
      const attempts = Array.from({ length: limits.appendQueueMax + 50 }, (_, n) => store.append(to(stream, 'any', n)));
      const outcomes = await Promise.allSettled(attempts);
      const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
      expect(refused.length).toBeGreaterThan(0);
      for (const { reason } of refused) expect(reason).toBeInstanceOf(AppendQueueFull);
      expect((await store.readStream(stream)).version).toBe(outcomes.length - refused.length);
    });
  });

  describe('a subscription', () => {
    test('catches up and goes on live, without gap or double, whatever the reader does', async () => {
      const after = await store.head();
      const tail = new Tail(store, { ringEventsMax: 20, pageEventsMax: 7 });
      const stop = new AbortController();
      const before = 60;
      for (let n = 0; n < before; n += 1) await store.append(to(newStream(), 'none', n));
      const total = 400;
      const readers = [1, 3, 50].map((batchMax) => collect(tail, { after, batchMax, signal: stop.signal }, total));
      for (let n = before; n < total; n += 8) {
        await Promise.all(
          Array.from({ length: Math.min(8, total - n) }, (_, k) => store.append(to(newStream(), 'none', n + k))),
        );
      }
      for (const { events, cursors } of await Promise.all(readers)) {
        expect(new Set(numbersOf(events)).size).toBe(total);
        expect(events).toHaveLength(total);
        expect(events.map(({ position }) => position)).toEqual(sorted(events.map(({ position }) => position)));
        expect(cursors).toEqual(sorted(cursors));
      }
      stop.abort();
      await tail.close();
    });

    test('moves its cursor over events that do not pass its filter', async () => {
      const tail = new Tail(store);
      const stop = new AbortController();
      const after = await store.head();
      const batches = tail.subscribe({ after, filter: { types: ['Renamed'] }, signal: stop.signal });
      await store.append(to(newStream(), 'none', 1, 2));
      const { value } = await batches.next();
      expect(value).toMatchObject({ events: [], upTo: await store.head() });
      stop.abort();
      expect((await batches.next()).done).toBe(true);
      await tail.close();
    });

    test('reads nothing ahead of a reader that does not ask', async () => {
      const tail = new Tail(store, { ringEventsMax: 10 });
      const stop = new AbortController();
      const after = await store.head();
      for (let n = 0; n < 50; n += 1) await store.append(to(newStream(), 'none', n));
      const batches = tail.subscribe({ after, batchMax: 5, signal: stop.signal });
      const first = await batches.next();
      for (let n = 50; n < 100; n += 1) await store.append(to(newStream(), 'none', n));
      const second = await batches.next();
      expect([first, second].map(({ value }) => numbersOf(value?.events ?? []))).toEqual([
        [0, 1, 2, 3, 4],
        [5, 6, 7, 8, 9],
      ]);
      stop.abort();
      await tail.close();
    });
  });

  describe('closing', () => {
    test('flushes what was accepted and refuses what comes after', async () => {
      const other = await subject.open(contractCodec(), limits);
      const streams = Array.from({ length: 30 }, () => newStream());
      const accepted = streams.map((stream) => other.store.append(to(stream, 'none', 1)));
      const closing = other.store.close();
      await expect(other.store.append(to(newStream(), 'none', 1))).rejects.toBeInstanceOf(StoreUnavailable);
      await closing;
      expect(await Promise.all(accepted)).toHaveLength(30);
      await other.close();
    });
  });
}

async function collect(
  tail: Tail,
  order: Parameters<Tail['subscribe']>[0],
  total: number,
): Promise<{ events: RecordedEvent[]; cursors: bigint[] }> {
  const events: RecordedEvent[] = [];
  const cursors: bigint[] = [];
  for await (const batch of tail.subscribe(order)) {
    keep(batch, events, cursors);
    if (events.length >= total) break;
    if (events.length % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return { events, cursors };
}

function keep(batch: TailBatch, events: RecordedEvent[], cursors: bigint[]): void {
  events.push(...batch.events);
  cursors.push(batch.upTo);
}

const sorted = (positions: readonly bigint[]): bigint[] => [...positions].sort((a, b) => Number(a - b));
