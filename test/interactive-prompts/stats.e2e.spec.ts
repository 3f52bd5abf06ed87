import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type APrompt, aStage, type Answer, type Stage, type Visit, words } from './a-stage.js';

let stage: Stage;

beforeAll(async () => {
  stage = await aStage();
});

afterAll(async () => {
  await stage.stop();
});

const path = '/api/1/interactive_prompts/events/stats';
const Position = z.coerce.bigint();
const positionOf = ({ headers }: Answer): string => String(Position.parse(headers.get('chorus-position')));

const ask = (prompt: APrompt, query: string, position?: string): Promise<Answer> =>
  stage.stranger
    .with({ authorization: `bearer ${prompt.jwt}`, ...(position !== undefined && { 'chorus-at-least': position }) })
    .get(`${path}${query}`);

async function joined(prompt: APrompt, sub: string, promptTime: number): Promise<Visit> {
  const visit = await prompt.visit(stage.person(sub));
  await visit.join(promptTime);
  return visit;
}

describe('the bins of a prompt', () => {
  test('[1] are as many as its seconds, and a little more', async () => {
    const bins = async (durationSeconds: number): Promise<unknown> => {
      const { uid, jwt } = await stage.prompt(durationSeconds);
      const holder = stage.stranger.with({ authorization: `bearer ${jwt}` });
      const { body } = await holder.get(`/api/1/interactive_prompts/events/stats/range?uid=${uid}&to=0`);
      return z.object({ bins: z.int() }).parse(body).bins;
    };
    const durations = [1, 2, 3, 8, 10, 15, 16, 60, 64, 300];
    expect(await Promise.all(durations.map(bins))).toEqual([1, 1, 3, 7, 15, 15, 15, 63, 63, 511]);
  });

  test('[7] are found from exact times, not from whole seconds', async () => {
    const w60 = await stage.prompt(60);
    const s1 = await joined(w60, 'u1', 0);
    for (const time of [19.99, 20, 40, 60]) await s1.like(time);
    const around = [19, 20, 21, 41, 42, 61, 62];
    const likes = await Promise.all(around.map(async (bin) => (await w60.stats(bin)).likes));
    expect(likes).toEqual([0, 1, 2, 2, 3, 3, 4]);
  });

  test('[2] count what happens on a boundary later', async () => {
    const w15 = await stage.prompt(15);
    const s1 = await joined(w15, 'u1', 0);
    await s1.like(1);
    expect((await w15.stats(0)).likes).toBe(0);
    expect((await w15.stats(1)).likes).toBe(1);
  });

  test('[4] [5] of two thirds of a second count exact times', async () => {
    const w10 = await stage.prompt(10);
    const s1 = await joined(w10, 'u1', 0);
    await s1.like(0.67);
    await s1.like(2);
    const likes = await Promise.all([0, 1, 2, 3].map(async (bin) => (await w10.stats(bin)).likes));
    expect(likes).toEqual([0, 1, 1, 2]);
  });

  test('[6] count the very end in the last one', async () => {
    const w15 = await stage.prompt(15);
    await joined(w15, 'u1', 15);
    expect((await w15.stats(13)).users).toBe(0);
    expect((await w15.stats(14)).users).toBe(1);
    expect(await w15.counts()).toEqual({ 15: 1 });
  });

  test('[9] count who leaves at the very end as there until then', async () => {
    const w10 = await stage.prompt(10);
    const s1 = await joined(w10, 'u1', 0);
    await s1.leave(10);
    expect((await w10.stats(13)).users).toBe(1);
    expect((await w10.stats(14)).users).toBe(0);
  });

  test('[10] are those that there are', async () => {
    const w15 = await stage.prompt(15);
    expect(await w15.askStats(15)).toMatchObject({ status: 404, body: { type: 'bin_not_found' } });
    expect(await w15.askStats(-1)).toMatchObject({ status: 422 });
    expect(await w15.askStats('soon')).toMatchObject({ status: 422 });
  });

  test('[11] say where they begin, how wide they are and up to when they count', async () => {
    const w60 = await stage.prompt(60);
    expect(await w60.stats(21)).toMatchObject({ prompt_time: 20, bin_width: 0.9523809523809523, bin: 21 });
    expect((await w60.stats(21)).as_of).toBeCloseTo(20.952, 3);
    expect((await w60.stats(62)).as_of).toBe(60);
  });

  test('[11a] are found by dividing as earlier systems did', async () => {
    const w132 = await stage.prompt(132);
    const s1 = await joined(w132, 'u1', 0);
    await s1.like(44);
    expect((await w132.stats(83)).likes).toBe(0);
    expect((await w132.stats(84)).likes).toBe(1);
  });
});

describe('a crowd', () => {
  test('[15] [16] [18] [19] [20] [21] is seen as if all had joined together', async () => {
    const w60 = await stage.prompt(60);
    const s1 = await joined(w60, 'u1', 0);
    const s2 = await joined(w60, 'u2', 0);
    const s3 = await joined(w60, 'u3', 5.4);
    await s2.leave(20);
    await s1.like(20.5);
    expect((await w60.stats(4)).users).toBe(2);
    expect((await w60.stats(5)).users).toBe(3);
    expect(await w60.stats(20)).toMatchObject({ users: 3, likes: 0 });
    expect(await w60.stats(21)).toMatchObject({ users: 2, likes: 1 });
    expect(await w60.stats(62)).toMatchObject({ users: 2, likes: 1, word_active: [0, 0, 0] });
    expect(await w60.counts()).toEqual({ 0: 2, 5: 1, 20: 2 });
    await s1.leave(60);
    expect((await w60.stats(61)).users).toBe(2);
    expect((await w60.stats(62)).users).toBe(1);
    expect(await w60.counts()).toEqual({ 0: 2, 5: 1, 20: 2, 60: 1 });
    await s3.leave(60);
  });

  test('[25] counts sessions: one person may be there twice', async () => {
    const w15 = await stage.prompt(15);
    await joined(w15, 'u1', 0);
    const s2 = await joined(w15, 'u1', 1);
    await s2.leave(6);
    const users = await Promise.all([0, 1, 2, 6].map(async (bin) => (await w15.stats(bin)).users));
    expect(users).toEqual([1, 2, 2, 1]);
  });

  const unasked = { numeric_active: null, press: null, press_active: null, color_active: null, word_active: null };

  test.each([
    ['a word', words, { word_active: [0, 0, 0] }],
    ['a color', { style: 'color', text: 'Pick', colors: ['#ffffff', '#000000'] }, { color_active: [0, 0] }],
    ['a press', { style: 'press', text: 'Hold' }, { press: 0, press_active: 0 }],
    ['a rating', { style: 'numeric', text: 'Rate', min: -1, max: 1 }, { numeric_active: { '-1': 0, 0: 0, 1: 0 } }],
  ])('[29] that was asked for %s has numbers for that only', async (_, content, asked) => {
    const prompt = await stage.prompt(10, content);
    expect(await prompt.stats(0)).toMatchObject({ users: 0, likes: 0, ...unasked, ...asked });
  });
});

describe('the stats of a prompt', () => {
  test('count a person once who has two sessions, and both sessions', async () => {
    const prompt = await stage.prompt(15);
    const ada = stage.person('ada');
    const [one, other] = [await prompt.visit(ada), await prompt.visit(ada)];
    await one.join(0);
    await other.join(2);
    await one.leave(4);
    const last = await other.leave(6);
    const at = async (bin: number) =>
      (await ask(prompt, `?uid=${prompt.uid}&bin=${String(bin)}`, positionOf(last))).body;
    expect(await at(1)).toMatchObject({ users: 1, people: 1 });
    expect(await at(2)).toMatchObject({ users: 2, people: 1 });
    expect(await at(4)).toMatchObject({ users: 1, people: 1 });
    expect(await at(6)).toMatchObject({ users: 0, people: 0 });
  });

  test('of a range are those of its bins, one by one', async () => {
    const prompt = await stage.prompt(10);
    const visit = await prompt.visit(stage.person('ada'));
    await visit.join(0);
    await visit.word(2, 1);
    const last = await visit.word(5, 2);
    const range = z
      .object({ from: z.int(), to: z.int(), bins: z.int(), word_active: z.array(z.unknown()), users: z.array(z.int()) })
      .loose()
      .parse((await ask(prompt, `/range?uid=${prompt.uid}`, positionOf(last))).body);
    expect(range).toMatchObject({ from: 0, to: 14, bins: 15, press: null, press_active: null, numeric_active: null });
    for (let bin = 0; bin < 15; bin += 1) {
      const one = await prompt.stats(bin);
      expect({ users: range.users[bin], word_active: range.word_active[bin] }).toEqual({
        users: one.users,
        word_active: one.word_active,
      });
    }
    const part = (await ask(prompt, `/range?uid=${prompt.uid}&from=3&to=4`, positionOf(last))).body;
    expect(part).toMatchObject({ from: 3, to: 4, users: [1, 1], likes: [0, 0] });
  });

  test.each(['', '0x1', '1e0', '1.0', ' 1', '+1'])('are not those of the bin %j, which is no number', async (bin) => {
    const prompt = await stage.prompt(10);
    for (const query of ['', '/range']) {
      const named = query === '' ? 'bin' : 'from';
      const answer = await ask(prompt, `${query}?uid=${prompt.uid}&${named}=${encodeURIComponent(bin)}`);
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ in: 'query', path: `/${named}` }] } });
    }
  });

  test('of a range outside the prompt are refused', async () => {
    const prompt = await stage.prompt(10);
    expect(await ask(prompt, `/range?uid=${prompt.uid}&from=15`)).toMatchObject({
      status: 404,
      body: { type: 'bin_not_found' },
    });
    expect((await ask(prompt, `/range?uid=${prompt.uid}&from=4&to=3`)).status).toBe(422);
    expect((await ask(prompt, `/range?uid=${prompt.uid}&from=-1`)).status).toBe(422);
    const long = await stage.prompt(86_400);
    expect((await ask(long, `/range?uid=${long.uid}`)).status).toBe(422);
    expect((await ask(long, `/range?uid=${long.uid}&from=0&to=4095`)).status).toBe(200);
  });

  test('show at once what the one who asks has done, and how far they are', async () => {
    const prompt = await stage.prompt(15);
    const visit = await prompt.visit(stage.person('ada'));
    await visit.join(0);
    for (let n = 1; n <= 10; n += 1) {
      const liked = await visit.like(n);
      const seen = await ask(prompt, `?uid=${prompt.uid}&bin=14`, positionOf(liked));
      expect(seen.body).toMatchObject({ likes: n });
      expect(BigInt(positionOf(seen))).toBeGreaterThanOrEqual(BigInt(positionOf(liked)));
    }
  });

  test('as of a position are those of that moment', async () => {
    const prompt = await stage.prompt(15);
    const visit = await prompt.visit(stage.person('ada'));
    const joined = await visit.join(0);
    const first = await visit.word(3, 0);
    const second = await visit.word(5, 2);
    const asOf = async (answer: Answer) =>
      (await ask(prompt, `?uid=${prompt.uid}&bin=14&as_of_position=${positionOf(answer)}`)).body;
    expect(await asOf(joined)).toMatchObject({ users: 1, word_active: [0, 0, 0] });
    expect(await asOf(first)).toMatchObject({ users: 1, word_active: [1, 0, 0] });
    expect(await asOf(second)).toMatchObject({ users: 1, word_active: [0, 0, 1] });
    const range = await ask(prompt, `/range?uid=${prompt.uid}&from=14&as_of_position=${positionOf(first)}`);
    expect(range.body).toMatchObject({ word_active: [[1, 0, 0]] });
    expect((await ask(prompt, `?uid=${prompt.uid}&bin=0&as_of_position=soon`)).status).toBe(422);
  });

  test('need the prompt’s own token', async () => {
    const [prompt, other] = [await stage.prompt(15), await stage.prompt(15)];
    expect((await stage.stranger.get(`${path}/range?uid=${prompt.uid}`)).status).toBe(401);
    expect((await ask(other, `/range?uid=${prompt.uid}`)).status).toBe(403);
  });
});
