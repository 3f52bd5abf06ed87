import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { z } from 'zod';
import type { Program } from '../../src/app/program.js';
import { ARedis, needsRedis, redisIsHere } from '../support/a-redis.js';
import { eventually } from '../support/eventually.js';
import type { Watcher } from './a-watcher.js';
import { aLiveStage, type LiveStage } from './live-stage.js';

const Heard = z.object({ evtype: z.string(), icon: z.unknown() });

const likes = ({ items }: Watcher): readonly number[] =>
  items.filter(({ evtype }) => evtype === 'like').map(({ prompt_time }) => prompt_time);

/** What watchers and listeners of one test hold open. */
let held = new DisposableStack();
const remembered = (watcher: Watcher): Watcher => {
  held.defer(() => {
    watcher.leave();
  });
  return watcher;
};
const listenerAt = (url: string): Redis => {
  const listener = new Redis(url, { disconnectTimeout: 100 });
  held.defer(() => {
    listener.disconnect();
  });
  return listener;
};
beforeEach(() => {
  held = new DisposableStack();
});
afterEach(() => {
  held.dispose();
});

describe('two processes on one log', () => {
  let stage: LiveStage;
  let other: Program;
  beforeAll(async () => {
    stage = await aLiveStage();
    other = await stage.start({ CHORUS_ROLE: 'api' });
  });
  afterAll(() => stage.stop());

  it('tell each other’s watchers without anything but the log', async () => {
    const prompt = await stage.prompt(60);
    const watcher = remembered(await prompt.watch({}, other.url));
    const [ada, bob] = [await prompt.visit('Ada'), await prompt.visit('Bob', 0, other.url)];
    for (let nth = 1; nth <= 20; nth += 1) await Promise.all([ada.like(nth / 10), bob.like(nth / 10)]);
    await watcher.seen(42);
    await sleep(400);

    expect(watcher.items).toHaveLength(42);
    expect(new Set(watcher.items.map(({ uid }) => uid)).size).toBe(42);
    const positions = watcher.items.map(({ position }) => Number(position));
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
  });

  it('lets a watcher whose process goes away go on at the other one', async () => {
    const prompt = await stage.prompt(60);
    const visit = await prompt.visit('Ada');
    const first = await prompt.watch({}, other.url);
    await visit.like(1);
    await first.seen(1);

    await other.stop();
    expect(await first.end()).toEqual({ code: 1001, reason: 'stopping' });
    await visit.like(2);
    const second = remembered(await prompt.watch({ resume_from: first.position }));
    await visit.like(3);
    await second.seen(2);

    expect([...likes(first), ...likes(second)]).toEqual([1, 2, 3]);
  });
});

describe(`two processes with Redis${needsRedis}`, () => {
  const test = redisIsHere ? it : it.skip;
  let redis: ARedis;
  let stage: LiveStage;
  let here: string;
  let there: string;
  beforeAll(async () => {
    if (!redisIsHere) return;
    redis = await ARedis.start();
    await redis.kill();
    const REDIS_URL = redis.url;
    stage = await aLiveStage([{ REDIS_URL }, { CHORUS_ROLE: 'api', REDIS_URL }]);
    [here = '', there = ''] = stage.urls;
  });
  afterAll(async () => {
    if (!redisIsHere) return;
    await stage.stop();
    await redis.stop();
  });

  test('start without Redis, and use it once it is there', async () => {
    const prompt = await stage.prompt(60);
    const watcher = remembered(await prompt.watch());
    const visit = await prompt.visit('Ada');
    await visit.like(1);
    await watcher.seen(2);

    await redis.startAgain();
    const listener = listenerAt(redis.url);
    const heard: string[] = [];
    listener.on('message', (_channel, message) => heard.push(message));
    await listener.subscribe(`ps:interactive_prompts:${prompt.uid}:events`);
    let time = 2;
    await eventually(async () => {
      await visit.like((time += 0.01));
      expect(heard.length).toBeGreaterThan(0);
    }, 10_000);
  });

  test('tell on the prompt’s channel what its listeners know, and reach each other’s watchers', async () => {
    const prompt = await stage.prompt(60);
    const listener = listenerAt(redis.url);
    const heard: unknown[] = [];
    listener.on('message', (_channel, message) => heard.push(JSON.parse(message)));
    await listener.subscribe(`ps:interactive_prompts:${prompt.uid}:events`);

    const watcher = remembered(await prompt.watch({}, there));
    const visit = await prompt.visit('Ada', 0.5, here);
    const answer = await visit.like(1);
    await watcher.seen(2);

    await eventually(() => {
      expect(heard).toHaveLength(2);
    });
    expect(heard[0]).toEqual({
      uid: expect.stringMatching(/^oseh_ipe_/),
      user_sub: 'Ada',
      session_uid: visit.sessionUid,
      evtype: 'join',
      data: { name: 'Ada' },
      icon: null,
      prompt_time: 0.5,
      created_at: expect.any(Number),
      position: expect.stringMatching(/^\d+$/),
    });
    expect(heard[1]).toMatchObject({ evtype: 'like', position: answer.headers.get('chorus-position') });
  });

  test('show the same latest picture in both, to watchers and to listeners, of somebody who had none before', async () => {
    const prompt = await stage.prompt(60);
    const listener = listenerAt(redis.url);
    const heard: { evtype: string; icon: unknown }[] = [];
    listener.on('message', (_channel, message) => heard.push(Heard.parse(JSON.parse(message))));
    await listener.subscribe(`ps:interactive_prompts:${prompt.uid}:events`);
    const watchers = [remembered(await prompt.watch({}, here)), remembered(await prompt.watch({}, there))];
    const visit = await prompt.visit('Pia', 0.5, here);
    for (const watcher of watchers) await watcher.seen(1);

    const imageUid = 'oseh_if_0000000000000000000001';
    await stage.person('Pia').put('/api/1/users/me/profile_picture', { image_uid: imageUid });
    await visit.like(1);

    for (const watcher of watchers) {
      const [join, like] = await watcher.seen(2);
      expect(join).toMatchObject({ evtype: 'join', icon: null });
      expect(like).toMatchObject({ evtype: 'like', icon: { uid: imageUid } });
    }
    await eventually(() => {
      expect(heard).toMatchObject([
        { evtype: 'join', icon: null },
        { evtype: 'like', icon: imageUid },
      ]);
    });
  });

  test.each([
    ['is killed and comes back', () => redis.kill()],
    [
      'accepts and never answers',
      async () => {
        redis.freeze();
      },
    ],
  ])('lose and double nothing when Redis %s, and stay ready', async (_what, harm) => {
    const prompt = await stage.prompt(60);
    const visit = await prompt.visit('Ada', 0, here);
    const watcher = remembered(await prompt.watch({}, there));
    let slowestMs = 0;
    const like = async (time: number): Promise<void> => {
      const before = performance.now();
      await visit.like(time);
      slowestMs = Math.max(slowestMs, performance.now() - before);
    };
    for (let nth = 0; nth < 20; nth += 1) await like(1 + nth / 100);
    await harm();
    for (let nth = 20; nth < 60; nth += 1) await like(1 + nth / 100);
    const health = (await (await fetch(`${there}/health/ready`)).json()) as {
      ready: boolean;
      parts: { part: string }[];
    };
    await redis.kill();
    await redis.startAgain();
    for (let nth = 60; nth < 80; nth += 1) await like(1 + nth / 100);
    await watcher.seen(80);
    await sleep(400);

    expect(likes(watcher)).toEqual(Array.from({ length: 80 }, (_, nth) => 1 + nth / 100));
    expect(slowestMs).toBeLessThan(1_000);
    expect(health.ready).toBe(true);
    expect(health.parts.map(({ part }) => part)).toContain('redis');
    await eventually(async () => {
      const { parts } = (await (await fetch(`${there}/health/ready`)).json()) as {
        parts: { part: string; facts?: object }[];
      };
      expect(parts.find(({ part }) => part === 'redis')?.facts).toMatchObject({ connected: true });
    }, 10_000);
  });
});
