import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { ARedis, needsRedis, redisIsHere } from '../support/a-redis.js';
import { eventually } from '../support/eventually.js';
import type { Watcher } from './a-watcher.js';
import { aLiveStage, type LiveStage } from './live-stage.js';

let opened = new AsyncDisposableStack();
const stageOf = async (...programs: Readonly<Record<string, string>>[]): Promise<LiveStage> => {
  const stage = await aLiveStage(programs);
  opened.defer(() => stage.stop());
  return stage;
};
const aRedis = async (): Promise<ARedis> => {
  const redis = await ARedis.start();
  opened.defer(() => redis.stop());
  return redis;
};
const Heard = z.object({ evtype: z.string(), icon: z.unknown() });

const likes = ({ items }: Watcher): readonly number[] =>
  items.filter(({ evtype }) => evtype === 'like').map(({ prompt_time }) => prompt_time);

const listenerAt = (url: string): Redis => {
  const listener = new Redis(url, { disconnectTimeout: 100 });
  opened.defer(() => {
    listener.disconnect();
  });
  return listener;
};

beforeEach(() => {
  opened = new AsyncDisposableStack();
});
afterEach(() => opened.disposeAsync());

describe('two processes on one log', () => {
  it('tell each other’s watchers without anything but the log', async () => {
    const stage = await stageOf({}, { CHORUS_ROLE: 'api' });
    const [here = '', there = ''] = stage.urls;
    const prompt = await stage.prompt(60);
    const watcher = await prompt.watch({}, there);
    const [visit, other] = [await prompt.visit('Ada', 0, here), await prompt.visit('Bob', 0, there)];
    for (let nth = 1; nth <= 20; nth += 1) await Promise.all([visit.like(nth / 10), other.like(nth / 10)]);
    await watcher.seen(42);
    await sleep(400);

    expect(watcher.items).toHaveLength(42);
    expect(new Set(watcher.items.map(({ uid }) => uid)).size).toBe(42);
    const positions = watcher.items.map(({ position }) => Number(position));
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
  });

  it('lets a watcher whose process goes away go on at the other one', async () => {
    const stage = await stageOf({});
    const other = await stage.start({ CHORUS_ROLE: 'api' });
    const prompt = await stage.prompt(60);
    const visit = await prompt.visit('Ada');
    const first = await prompt.watch({}, other.url);
    await visit.like(1);
    await first.seen(1);

    await other.stop();
    expect(await first.end()).toEqual({ code: 1001, reason: 'stopping' });
    await visit.like(2);
    const second = await prompt.watch({ resume_from: first.position });
    await visit.like(3);
    await second.seen(2);

    expect([...likes(first), ...likes(second)]).toEqual([1, 2, 3]);
  });
});

describe(`two processes with Redis${needsRedis}`, () => {
  const test = redisIsHere ? it : it.skip;

  test('tell on the prompt’s channel what its listeners know, and reach each other’s watchers', async () => {
    const redis = await aRedis();
    const stage = await stageOf({ REDIS_URL: redis.url }, { CHORUS_ROLE: 'api', REDIS_URL: redis.url });
    const [here = '', there = ''] = stage.urls;
    const prompt = await stage.prompt(60);
    const listener = listenerAt(redis.url);
    const heard: unknown[] = [];
    listener.on('message', (_channel, message) => heard.push(JSON.parse(message)));
    await listener.subscribe(`ps:interactive_prompts:${prompt.uid}:events`);

    const watcher = await prompt.watch({}, there);
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
    const redis = await aRedis();
    const stage = await stageOf({ REDIS_URL: redis.url }, { CHORUS_ROLE: 'api', REDIS_URL: redis.url });
    const [here = '', there = ''] = stage.urls;
    const prompt = await stage.prompt(60);
    const listener = listenerAt(redis.url);
    const heard: { evtype: string; icon: unknown }[] = [];
    listener.on('message', (_channel, message) => heard.push(Heard.parse(JSON.parse(message))));
    await listener.subscribe(`ps:interactive_prompts:${prompt.uid}:events`);
    const watchers = [await prompt.watch({}, here), await prompt.watch({}, there)];
    const visit = await prompt.visit('Ada', 0.5, here);
    for (const watcher of watchers) await watcher.seen(1);

    const imageUid = 'oseh_if_0000000000000000000001';
    await stage.person('Ada').put('/api/1/users/me/profile_picture', { image_uid: imageUid });
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
    ['is killed and comes back', (redis: ARedis) => redis.kill()],
    [
      'accepts and never answers',
      async (redis: ARedis) => {
        redis.freeze();
      },
    ],
  ])('lose and double nothing when Redis %s, and stay ready', async (_what, harm) => {
    const redis = await aRedis();
    const stage = await stageOf({ REDIS_URL: redis.url }, { CHORUS_ROLE: 'api', REDIS_URL: redis.url });
    const [here = '', there = ''] = stage.urls;
    const prompt = await stage.prompt(60);
    const visit = await prompt.visit('Ada', 0, here);
    const watcher = await prompt.watch({}, there);
    let slowestMs = 0;
    const like = async (time: number): Promise<void> => {
      const before = performance.now();
      await visit.like(time);
      slowestMs = Math.max(slowestMs, performance.now() - before);
    };
    for (let nth = 0; nth < 20; nth += 1) await like(1 + nth / 100);
    await harm(redis);
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

  test('start without Redis, and use it once it is there', async () => {
    const redis = await aRedis();
    await redis.kill();
    const stage = await stageOf({ REDIS_URL: redis.url });
    const prompt = await stage.prompt(60);
    const watcher = await prompt.watch();
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
});
