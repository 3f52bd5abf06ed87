import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module, type DynamicModule } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { EventsHttp } from '../../src/platform/analysing/events.http.js';
import { OpenStreams, type OpenStreamsOptions } from '../../src/platform/analysing/open-streams.js';
import { readConfig } from '../../src/platform/config/config.js';
import { StoreUnavailable } from '../../src/platform/event-store/errors.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { EventStore, type LogRange } from '../../src/platform/event-store/event-store.js';
import { InMemoryEventStore } from '../../src/platform/event-store/in-memory.event-store.js';
import { Tail } from '../../src/platform/event-store/tail.js';
import { createHttp } from '../../src/platform/http/http.js';
import { HttpModule } from '../../src/platform/http/http.module.js';
import { createLog } from '../../src/platform/telemetry/log.js';
import { eventually } from '../support/eventually.js';
import { aLibrary, buy, libraryCodec } from './a-log.js';
import { bearer, secrets } from './a-shell.js';

/** Counts what is read, and can be made to fail. */
class WatchedStore extends InMemoryEventStore {
  reads = 0;
  failsAfter = 0n;

  override readAll(range: LogRange) {
    this.reads += 1;
    if (this.failsAfter > 0n && range.after >= this.failsAfter) {
      return Promise.reject(new StoreUnavailable('The log cannot be read.'));
    }
    return super.readAll(range);
  }
}

@Module({})
class LibraryModule {
  static of(imports: DynamicModule[], store: EventStore, streams: OpenStreams): DynamicModule {
    const tail = new Tail(store);
    running.push(tail);
    return {
      module: LibraryModule,
      imports,
      controllers: [EventsHttp],
      providers: [
        { provide: EventStore, useValue: store },
        { provide: EventCodec, useFactory: libraryCodec },
        { provide: Tail, useValue: tail },
        { provide: OpenStreams, useValue: streams },
      ],
    };
  }
}

interface Serving {
  readonly app: NestFastifyApplication;
  readonly store: WatchedStore;
  readonly streams: OpenStreams;
  readonly url: string;
}

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const app of running.splice(0)) await app.close();
});

async function serving(books: number, options: OpenStreamsOptions = {}): Promise<Serving> {
  const store = new WatchedStore(libraryCodec());
  await aLibrary(books, store);
  const config = {
    ...readConfig({ LOG_LEVEL: 'silent' }),
    OSEH_ID_TOKEN_SECRET: secrets.user,
    OSEH_INTERACTIVE_PROMPT_JWT_SECRET: secrets.interactivePrompt,
    OSEH_JOURNEY_JWT_SECRET: secrets.journey,
    OSEH_IMAGE_FILE_JWT_SECRET: secrets.image,
  };
  const log = createLog({ level: 'silent' });
  const streams = new OpenStreams(options);
  const app = await createHttp(LibraryModule.of([HttpModule.forRoot({ config, log })], store, streams), config, log);
  await app.listen(0, '127.0.0.1');
  running.push(app);
  return { app, store, streams, url: `${await app.getUrl()}/api/1/admin/events` };
}

const admin = () => bearer('ada', { admin: true });
const Line = z.looseObject({
  position: z.number().optional(),
  type: z.string().optional(),
  stream: z.string().optional(),
  progress: z.object({ position: z.number() }).optional(),
  end: z.object({ position: z.number(), reached: z.string(), events: z.number() }).optional(),
});

async function linesOf(url: string, query = '') {
  const answer = await fetch(`${url}?${query}`, { headers: admin() });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
  return parsed(await answer.text());
}

const parsed = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Line.parse(JSON.parse(line)));
const positions = (lines: z.infer<typeof Line>[]) => lines.flatMap(({ position }) => position ?? []);
const endOf = (lines: z.infer<typeof Line>[]) => lines.at(-1)?.end;

/** A client that takes only when told to. */
async function opened(url: string): Promise<IncomingMessage> {
  const asked = request(url, { headers: admin(), agent: false });
  asked.end();
  const [answer]: IncomingMessage[] = await once(asked, 'response');
  if (answer === undefined) throw new Error('No answer.');
  asked.on('error', () => undefined);
  answer.on('error', () => undefined);
  return answer;
}

describe('GET /api/1/admin/events', () => {
  test('streams all events as lines, and says at the end that this was all', async () => {
    const { url } = await serving(10);
    const lines = await linesOf(url);
    expect(positions(lines)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    expect(endOf(lines)).toEqual({ position: 30, reached: 'head', events: 30 });
    expect(lines[1]).toEqual({
      position: 2,
      stream: 'rarity-0',
      category: 'rarity',
      version: 2,
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      type: 'BookLent',
      schema_version: 2,
      recorded_at: expect.stringMatching(/Z$/),
      data: { to: 'reader-0', days: 14 },
      metadata: { correlationId: 'purchase 0', actor: 'ada' },
    });
  });

  test('selects by stream, category, types and positions, and any of them together', async () => {
    const { url } = await serving(10);
    expect(positions(await linesOf(url, 'stream=book-1'))).toEqual([4, 5, 6]);
    expect(positions(await linesOf(url, 'stream=book-1&type=BookLent&type=BookReturned&after=5'))).toEqual([6]);
    expect(positions(await linesOf(url, 'stream=book-1&category=rarity'))).toEqual([]);
    expect(positions(await linesOf(url, 'category=rarity&type=BookBought'))).toEqual([1, 10, 19, 28]);
    const some = await linesOf(url, 'after=3&up_to=20&limit=5');
    expect([positions(some), endOf(some)]).toEqual([[4, 5, 6, 7, 8], { position: 8, reached: 'limit', events: 5 }]);
    const rest = await linesOf(url, 'after=8&up_to=20&type=BookBought');
    expect([positions(rest), endOf(rest)]).toEqual([[10, 13, 16, 19], { position: 20, reached: 'up_to', events: 4 }]);
  });

  test('selects by time: from a moment on, and before another', async () => {
    const { url, store } = await serving(2);
    await sleep(5);
    const from = new Date();
    await buy(store, 2);
    await sleep(5);
    const to = new Date();
    await sleep(5);
    await buy(store, 3);
    const lines = await linesOf(url, `from=${from.toISOString()}&to=${to.toISOString()}`);
    expect([positions(lines), endOf(lines)]).toEqual([[7, 8, 9], { position: 9, reached: 'to', events: 3 }]);
    expect(positions(await linesOf(url, `to=${from.toISOString()}`))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(positions(await linesOf(url, 'from=2999-01-01T00:00:00Z'))).toEqual([]);
  });

  test('refuses who is no administrator, and what it does not understand', async () => {
    const { url } = await serving(1);
    const status = async (query: string, headers: Record<string, string>) =>
      (await fetch(`${url}?${query}`, { headers })).status;
    expect(await status('', {})).toBe(401);
    expect(await status('', bearer('bob'))).toBe(403);
    for (const query of [
      'after=-1',
      'from=yesterday',
      'limit=0',
      'limit=',
      'limit=0x10',
      'type=BookBurnt',
      'folow=true',
      'follow=maybe',
    ]) {
      expect([query, await status(query, admin())]).toEqual([query, 422]);
    }
  });

  test('is torn, without an end, when the log fails on the way; the rest comes after the last position', async () => {
    const { url, store } = await serving(300);
    store.failsAfter = 400n;
    const answer = await fetch(url, { headers: admin() });
    let text = '';
    const torn = async () => {
      for await (const chunk of answer.body ?? []) text += Buffer.from(chunk).toString();
    };
    await expect(torn()).rejects.toThrow();
    const taken = parsed(text);
    expect(endOf(taken)).toBeUndefined();
    store.failsAfter = 0n;
    const rest = await linesOf(url, `after=${String(positions(taken).at(-1))}`);
    expect([...positions(taken), ...positions(rest)]).toEqual(Array.from({ length: 900 }, (_, index) => index + 1));
  });

  test('answers 503 when the log cannot be read at all, or too many streams are open', async () => {
    const { url, store } = await serving(1, { streamsMax: 1 });
    const following = await opened(`${url}?follow=true`);
    expect((await fetch(url, { headers: admin() })).status).toBe(503);
    following.destroy();
    store.head = () => Promise.reject(new StoreUnavailable('The log cannot be read.'));
    expect((await fetch(url, { headers: admin() })).status).toBe(503);
  });

  test('reads no further than its client takes, and stops when the client goes', async () => {
    const { url, store, streams } = await serving(6_000);
    const slow = await opened(url);
    slow.pause();
    await sleep(100);
    const reads = store.reads;
    await sleep(200);
    expect(store.reads).toBe(reads);
    expect(store.reads).toBeLessThan(15);
    slow.destroy();
    await eventually(() => {
      expect(streams.count).toBe(0);
    });
    expect(store.reads).toBe(reads);
  });

  test('gives up a client that takes nothing', async () => {
    const { url, streams } = await serving(6_000, { stallMsMax: 100 });
    const stuck = await opened(url);
    stuck.pause();
    await eventually(() => {
      expect(streams.count).toBe(0);
    });
    stuck.destroy();
  });

  test('follows: first the past, then what happens, through the same filters, up to the limit', async () => {
    const { url, store } = await serving(4);
    const following = linesOf(url, 'follow=true&category=rarity&type=BookLent&limit=4');
    for (let nth = 4; nth < 10; nth += 1) {
      await sleep(5);
      await buy(store, nth);
    }
    const lines = await following;
    expect([positions(lines), endOf(lines)]).toEqual([[2, 11, 20, 29], { position: 29, reached: 'limit', events: 4 }]);
  });

  test('follows up to a position that the log has not come to yet', async () => {
    const { url, store } = await serving(1);
    const following = linesOf(url, 'follow=true&up_to=5&type=BookBought');
    await sleep(20);
    await buy(store, 1);
    const lines = await following;
    expect([positions(lines), endOf(lines)]).toEqual([[1, 4], { position: 5, reached: 'up_to', events: 2 }]);
  });

  test('ends what is open with an end line when the program stops', async () => {
    const { app, url } = await serving(1);
    const following = linesOf(url, 'follow=true');
    await sleep(50);
    const since = performance.now();
    await app.close();
    expect(endOf(await following)).toEqual({ position: 3, reached: 'stopping', events: 3 });
    expect(performance.now() - since).toBeLessThan(1_500);
  });

  test('does not let a client that takes nothing hold up a stop', async () => {
    const { app, url } = await serving(6_000, { stopMsMax: 100 });
    const stuck = await opened(url);
    stuck.pause();
    const since = performance.now();
    await app.close();
    expect(performance.now() - since).toBeLessThan(2_000);
    stuck.destroy();
  });
});
