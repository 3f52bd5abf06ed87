import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type APrompt, aStage, type Answer, type Stage } from './a-stage.js';

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

  test('for a position that the log does not have are too early to ask for', async () => {
    const prompt = await stage.prompt(15);
    expect(await ask(prompt, `?uid=${prompt.uid}&bin=0`, '999999999')).toMatchObject({ status: 425 });
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
