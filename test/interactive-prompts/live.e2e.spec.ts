import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Watcher } from './a-watcher.js';
import { aLiveStage, type LiveStage, promptJwt } from './live-stage.js';

describe('the live watch', () => {
  let stage: LiveStage;
  let url: string;
  const watchers: Watcher[] = [];
  const remembered = async (watcher: Promise<Watcher>): Promise<Watcher> => {
    watchers.push(await watcher);
    return watcher;
  };
  /** What takes its time goes on while the other tests run. */
  let silent: Watcher;
  let silence: Promise<{ readonly code: number; readonly reason: string; readonly ms: number }>;
  let clocked: Watcher;
  beforeAll(async () => {
    stage = await aLiveStage();
    [url = ''] = stage.urls;
    clocked = await (await stage.prompt(60)).watch({ promptTime: -3 });
    const before = performance.now();
    silent = await Watcher.connect(url);
    silence = silent.end(30_000).then((end) => ({ ...end, ms: performance.now() - before }));
  });
  afterEach(() => {
    for (const watcher of watchers.splice(0)) watcher.leave();
  });
  afterAll(() => stage.stop());

  it('shakes hands in four packets, then tells what happens in the names that clients know', async () => {
    const prompt = await stage.prompt(60);
    const watcher = await remembered(prompt.watch());

    const ada = await prompt.visit('Ada', 0.5);
    await ada.tell('respond_word_prompt', 1, { index: 2 });
    await ada.like(1.5);
    await ada.tell('leave', 2);
    await watcher.seen(4);

    expect(watcher.came.slice(0, 3).map(({ type }) => type)).toEqual([
      'sync_request',
      'auth_response',
      'latency_detection',
    ]);
    expect(watcher.came.every(({ success, uid }) => success && /^oseh_packet_[\w-]{22}$/.test(uid))).toBe(true);
    expect(new Set(watcher.came.map(({ uid }) => uid)).size).toBe(watcher.came.length);
    expect(watcher.items.map(({ evtype, prompt_time, data }) => ({ evtype, prompt_time, data }))).toEqual([
      { evtype: 'join', prompt_time: 0.5, data: { name: 'Ada' } },
      { evtype: 'word_prompt_response', prompt_time: 1, data: { index: 2 } },
      { evtype: 'like', prompt_time: 1.5, data: {} },
      { evtype: 'leave', prompt_time: 2, data: { name: 'Ada' } },
    ]);
    expect(watcher.items[0]).toMatchObject({ user_sub: 'Ada', session_uid: ada.sessionUid, icon: null });
    expect(watcher.items[0]).not.toHaveProperty('created_at');
  });

  it('59: forwards what lies in the window, both ends included', async () => {
    const prompt = await stage.prompt(60);
    const visit = await prompt.visit('Ada');
    const watcher = await remembered(prompt.watch({ lookback: 4, lookahead: 4, promptTime: 10 }));
    // The clock runs while this test does, so the ends are a little away from where they began.
    for (const time of [5, 6.9, 10, 13.9, 15.5]) await visit.like(time);
    await visit.like(10.5).catch(() => undefined);

    await sleep(500);
    expect(watcher.items.map(({ prompt_time }) => prompt_time)).toEqual([6.9, 10, 13.9]);
  });

  it('60: drops what the bandwidth has no room for, and says how much', async () => {
    const prompt = await stage.prompt(60);
    const visits = await Promise.all(['Ada', 'Bob', 'Cleo', 'Dora'].map((name) => prompt.visit(name)));
    const watcher = await remembered(prompt.watch({ bandwidth: 2 }));
    // At once, so that no token comes back in between.
    await Promise.all(visits.map((visit) => visit.like(1)));
    await watcher.seen(2);
    await sleep(1_000);
    expect(watcher.items).toHaveLength(2);
    await visits[0]?.like(5);
    await watcher.seen(3);

    expect(watcher.items.map(({ prompt_time }) => prompt_time)).toEqual([1, 1, 5]);
    expect(watcher.batches.reduce((sum, { dropped }) => sum + dropped, 0)).toBe(2);
  });

  it('61: sends together what comes within a quarter of a second', async () => {
    const likedTogether = async () => {
      const prompt = await stage.prompt(60);
      const visit = await prompt.visit('Ada');
      const watcher = await remembered(prompt.watch());
      const first = performance.now();
      for (const time of [1, 2, 3]) {
        await visit.like(time);
        await sleep(40);
      }
      const likedMs = performance.now() - first;
      await watcher.packet('event_batch');
      return { watcher, likedMs, toldMs: performance.now() - first };
    };
    let seen = await likedTogether();
    // A machine that was busy with something else in between has shown nothing.
    while (seen.likedMs > 220) seen = await likedTogether();

    expect(seen.watcher.batches.map(({ events }) => events.length)).toEqual([3]);
    expect(seen.toldMs).toBeGreaterThan(200);
    expect(seen.toldMs).toBeLessThan(600);
  });

  it('63: refuses a sync response that was sent before the request came', async () => {
    const prompt = await stage.prompt(60);
    const watcher = await remembered(Watcher.connect(url));
    watcher.authorize(prompt);
    await watcher.packet('sync_request');
    watcher.say('sync_response', { receive_timestamp: 2, transmit_timestamp: 1.9 });

    expect((await watcher.packet('error')).data).toMatchObject({ code: 422, type: 'unprocessable_entity' });
    expect(await watcher.end()).toEqual({ code: 1000, reason: 'refused' });
  });

  it.each([
    [-1e308, 0],
    [0, 1e7],
  ])('refuses a clock that shows %d and then %d', async (receive_timestamp, transmit_timestamp) => {
    const prompt = await stage.prompt(60);
    const watcher = await remembered(Watcher.connect(url));
    watcher.authorize(prompt);
    await watcher.packet('sync_request');
    watcher.say('sync_response', { receive_timestamp, transmit_timestamp });

    expect((await watcher.packet('error')).data).toMatchObject({ code: 422, type: 'unprocessable_entity' });
    expect(await watcher.end()).toEqual({ code: 1000, reason: 'refused' });
  });

  it('64: ends once the client has been over for its lookback and ten seconds', async () => {
    const prompt = await stage.prompt(20);
    const late = await remembered(prompt.watch({ lookback: 3, promptTime: 31.5 }));
    const tooLate = await remembered(prompt.watch({ lookback: 3, promptTime: 33.1 }));

    expect(await tooLate.end()).toEqual({ code: 1000, reason: 'over' });
    await late.packet('latency_detection');
    expect(late.closed).toBeUndefined();
    expect(await late.end()).toEqual({ code: 1000, reason: 'over' });
    expect(late.all('latency_detection')).toHaveLength(1);
  });

  it.each([
    ['the token of another prompt', () => promptJwt('oseh_ip_0000000000000000000000'), 403, 'forbidden'],
    ['an expired token', (uid: string) => promptJwt(uid, -10), 403, 'forbidden'],
    ['no token at all', () => 'no token', 403, 'forbidden'],
  ])('refuses %s', async (_what, jwt, code, type) => {
    const prompt = await stage.prompt(60);
    const watcher = await remembered(Watcher.connect(url));
    watcher.authorize({ uid: prompt.uid, jwt: jwt(prompt.uid) });

    expect((await watcher.packet('error')).data).toMatchObject({ code, type });
    expect(await watcher.end()).toEqual({ code: 1000, reason: 'refused' });
  });

  it('refuses a prompt that does not exist, and lets a deleted one be watched', async () => {
    const uid = 'oseh_ip_0000000000000000000000';
    const watcher = await remembered(Watcher.connect(url));
    watcher.authorize({ uid, jwt: promptJwt(uid) });

    expect((await watcher.packet('error')).data).toMatchObject({ code: 404, type: 'not_found' });

    const prompt = await stage.prompt(60);
    const visit = await prompt.visit('Ada');
    await stage.admin.delete(`/api/1/admin/interactive_prompts/${prompt.uid}`);
    const late = await remembered(prompt.watch());
    await visit.like(1);
    expect(await late.seen(1)).toMatchObject([{ evtype: 'like' }]);
  });

  it.each([
    { bandwidth: 0 },
    { bandwidth: 5_001 },
    { bandwidth: 1.5 },
    { lookback: -1 },
    { lookahead: 10.1 },
    { resume_from: 'then' },
    { resume_from: '999999999' },
  ])('refuses %j', async (wrong) => {
    const prompt = await stage.prompt(60);
    const watcher = await remembered(Watcher.connect(url));
    watcher.authorize(prompt, wrong);

    expect((await watcher.packet('error')).data).toMatchObject({ code: 422, type: 'unprocessable_entity' });
    await watcher.end();
  });

  it('goes on from a position without a gap and without telling anything twice', async () => {
    const prompt = await stage.prompt(60);
    const visit = await prompt.visit('Ada');
    const first = await remembered(prompt.watch());
    await visit.like(1);
    await first.seen(1);
    first.leave();
    for (const time of [2, 3, 4]) await visit.like(time);
    const second = await remembered(prompt.watch({ resume_from: first.position }));
    for (const time of [5, 6]) await visit.like(time);
    await second.seen(5);
    await sleep(400);

    expect(second.items.map(({ prompt_time }) => prompt_time)).toEqual([2, 3, 4, 5, 6]);
    const positions = second.items.map(({ position }) => BigInt(position));
    expect(positions).toEqual([...positions].sort((a, b) => Number(a - b)));
  });

  it('loses nothing between the answer to the handshake and the stream', async () => {
    const prompt = await stage.prompt(60);
    const visit = await prompt.visit('Ada');
    const watcher = await remembered(Watcher.connect(url));
    watcher.authorize(prompt);
    await watcher.packet('sync_request');
    watcher.say('sync_response', { receive_timestamp: 0, transmit_timestamp: 0 });
    const told: number[] = [];
    for (let nth = 0; nth < 40; nth += 1) {
      const { headers } = await visit.like(1 + nth / 100);
      told.push(Number(headers.get('chorus-position')));
    }
    await sleep(500);

    const from = Number((await watcher.packet('auth_response')).data['position']);
    expect(watcher.items.map(({ position }) => Number(position))).toEqual(told.filter((position) => position > from));
  });

  it('tells who asked for it what the crowd looks like, when they come and when it changes', async () => {
    const prompt = await stage.prompt(60);
    const visit = await prompt.visit('Ada');
    const asking = await remembered(prompt.watch({ stats: true, promptTime: 1 }));
    const other = await remembered(prompt.watch());
    const [bin, next] = (await asking.packet('stats')).data['bins'] as Record<string, unknown>[];
    expect(bin).toMatchObject({ bin: 1, users: 1, likes: 0, word_active: [0, 0, 0], press: null });
    expect(next).toMatchObject({ bin: 2, users: 1 });

    await visit.tell('respond_word_prompt', 1, { index: 2 });
    const { data, atMs } = await asking.packet('stats', 2);
    expect((data['bins'] as Record<string, unknown>[])[0]).toMatchObject({ users: 1, word_active: [0, 0, 1] });
    expect(atMs).toBeGreaterThan(800);
    expect(other.all('stats')).toEqual([]);
  });

  it('65: closes with 1000 and without a packet when nothing comes for five seconds', async () => {
    const { ms, ...end } = await silence;

    expect(end).toEqual({ code: 1000, reason: 'silent' });
    expect(ms).toBeGreaterThan(4_900);
    expect(silent.came).toEqual([]);
  });

  it('66: tells every two seconds, from the beginning, what the client’s clock should show', async () => {
    await clocked.packet('latency_detection', 6, 12_000);

    for (const [nth, { atMs, data }] of clocked.all('latency_detection').entries()) {
      expect(Math.abs(atMs - nth * 2_000)).toBeLessThan(250);
      expect(Math.abs(Number(data['expected_receive_prompt_time']) - (-3 + atMs / 1_000))).toBeLessThan(0.25);
    }
    expect(clocked.batches).toEqual([]);
    clocked.leave();
  });
});
