import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { EventRecord } from '../../src/platform/analysing/event-record.js';
import { HttpReceiver, NotTaken, type HttpReceiverOptions } from '../../src/platform/analysing/http-receiver.js';
import { replay, type Clock, type ReplayOrder } from '../../src/platform/analysing/replay.js';
import { InMemoryEventStore } from '../../src/platform/event-store/in-memory.event-store.js';
import type { LogPage, LogRange } from '../../src/platform/event-store/event-store.js';
import { listening } from '../support/listening.js';
import { aLibrary, libraryCodec } from './a-log.js';

/** A log whose events were recorded at these seconds. */
class TimedStore extends InMemoryEventStore {
  constructor(private readonly seconds: readonly number[]) {
    super(libraryCodec());
  }

  override async readAll(range: LogRange): Promise<LogPage> {
    const page = await super.readAll(range);
    const timed = page.events.map((event) => ({
      ...event,
      recordedAt: new Date((1_800_000_000 + (this.seconds[Number(event.position) - 1] ?? 0)) * 1_000),
    }));
    return { ...page, events: timed };
  }
}

/** Time passes only while somebody sleeps, or takes a batch. */
class FakeClock implements Clock {
  private ms = 0;
  now = () => this.ms;
  pass = (ms: number) => (this.ms += ms);
  sleep = (ms: number): Promise<void> => {
    this.ms += ms;
    return Promise.resolve();
  };
}

async function replayed(
  seconds: readonly number[],
  more: Partial<ReplayOrder> & { takesMs?: number; abortAt?: number } = {},
) {
  const store = new TimedStore(seconds);
  await aLibrary(Math.ceil(seconds.length / 3), store);
  const clock = new FakeClock();
  const stopped = new AbortController();
  const taken: [second: number, positions: number[]][] = [];
  const receiver = {
    take: (batch: readonly EventRecord[]) => {
      taken.push([clock.now() / 1_000, batch.map(({ position }) => position)]);
      clock.pass(more.takesMs ?? 0);
      if (taken.length === more.abortAt) stopped.abort();
      return Promise.resolve();
    },
  };
  const rhythm = { speed: 1, gapMsMax: Infinity };
  const order = { selection: {}, rhythm, batchEventsMax: 100, signal: stopped.signal, ...more };
  return { end: await replay(store, receiver, order, clock), taken };
}

describe('a replay', () => {
  const seconds = [0, 0, 2, 5, 5, 65];

  test('keeps the rhythm: what happened together comes together, and gaps are gaps', async () => {
    const { taken, end } = await replayed(seconds);
    expect(taken).toEqual([
      [0, [1, 2]],
      [2, [3]],
      [5, [4, 5]],
      [65, [6]],
    ]);
    expect(end).toEqual({ position: 6n, events: 6 });
  });

  test('divides the gaps by the speed, and shortens those that are too long before', async () => {
    const { taken } = await replayed(seconds, { rhythm: { speed: 10, gapMsMax: 20_000 } });
    expect(taken.map(([at]) => at)).toEqual([0, 0.2, 0.5, 2.5]);
  });

  test('waits for nothing at full speed, and hands on no more at once than asked for', async () => {
    const { taken } = await replayed(seconds, { rhythm: { speed: Infinity, gapMsMax: Infinity }, batchEventsMax: 4 });
    expect(taken).toEqual([
      [0, [1, 2, 3, 4]],
      [0, [5, 6]],
    ]);
  });

  test('catches up with the rhythm when the receiver is slow', async () => {
    const { taken } = await replayed(seconds, { takesMs: 6_000 });
    expect(taken).toEqual([
      [0, [1, 2]],
      [6, [3, 4, 5]],
      [65, [6]],
    ]);
  });

  test('replays what was selected, and says where it stopped', async () => {
    const { taken } = await replayed(seconds, { selection: { types: ['BookLent'], after: 2n } });
    expect(taken).toEqual([[0, [5]]]);
    const { end } = await replayed(seconds, { abortAt: 2 });
    expect(end).toEqual({ position: 3n, events: 3 });
  });
});

describe('a replay to a URL', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
  });

  async function receiving(statuses: number[]) {
    const got: { key: string; position: string; type: string; ids: string[] }[] = [];
    server = createServer((asked, answer) => {
      void text(asked).then((body) => {
        const ids = body
          .split('\n')
          .slice(0, -1)
          .map((line) => z.object({ id: z.string() }).parse(JSON.parse(line)).id);
        const header = (name: string) => String(asked.headers[name]);
        got.push({
          key: header('idempotency-key'),
          position: header('chorus-position'),
          type: header('content-type'),
          ids,
        });
        answer.writeHead(statuses.shift() ?? 204, { 'retry-after': '0' }).end();
      });
    });
    return { url: `http://127.0.0.1:${String(await listening(server))}/events`, got };
  }

  async function deliver(url: string, more: Partial<HttpReceiverOptions> = {}) {
    const store = await aLibrary(2);
    const receiver = new HttpReceiver({ url, firstWaitMs: 1, ...more });
    const rhythm = { speed: Infinity, gapMsMax: Infinity };
    const order = { selection: {}, rhythm, batchEventsMax: 4, signal: new AbortController().signal };
    return replay(store, receiver, order, new FakeClock());
  }

  test('posts lines, and repeats a batch under its key until it is taken', async () => {
    const { url, got } = await receiving([500, 429]);
    expect(await deliver(url)).toEqual({ position: 6n, events: 6 });
    expect(got.map(({ ids, position }) => [ids.length, position])).toEqual([
      [4, '4'],
      [4, '4'],
      [4, '4'],
      [2, '6'],
    ]);
    const [first, again, ...rest] = got;
    expect(first).toEqual(again);
    expect(first).toMatchObject({ key: first?.ids.at(-1), type: 'application/x-ndjson' });
    expect(new Set(rest.map(({ key }) => key)).size).toBe(2);
  });

  test('gives up at once when it is refused, and after some tries when nobody is there', async () => {
    const { url } = await receiving([404]);
    await expect(deliver(url)).rejects.toThrow(`${url} answers 404`);
    server?.close();
    const told: string[] = [];
    const onRetry = (said: string): void => void told.push(said);
    await expect(deliver('http://127.0.0.1:1/events', { triesMax: 3, onRetry })).rejects.toThrow(NotTaken);
    expect(told).toEqual(Array.from({ length: 2 }, () => expect.stringContaining('cannot be reached')));
  });
});
