import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { aStage, type Answer, type APrompt, type Stage, type Visit } from './a-stage.js';

let stage: Stage;
beforeAll(async () => {
  stage = await aStage();
});
afterAll(() => stage.stop());

const p15 = { style: 'press', text: 'Hold' };
const n10 = { style: 'numeric', text: 'Rate', min: 1, max: 10 };
const c20 = { style: 'color', text: 'Pick', colors: ['#ffffff', '#000000'] };

async function joined(prompt: APrompt, sub: string, promptTime: number): Promise<Visit> {
  const visit = await prompt.visit(stage.person(sub));
  expect((await visit.join(promptTime)).status).toBe(201);
  return visit;
}

async function each<Value>(prompt: APrompt, bins: readonly number[], of: (stats: Stats) => Value): Promise<Value[]> {
  return Promise.all(bins.map(async (bin) => of(await prompt.stats(bin))));
}
type Stats = Awaited<ReturnType<APrompt['stats']>>;

const refused = (type: string) => ({ status: 409, body: { type } });
const allAccepted = (answers: readonly Answer[]) => {
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
};

describe('the words of a crowd', () => {
  test('[13] [14] [15] [16] [18] [19] [20] [21] are as of the end of each bin, each session’s latest', async () => {
    const w60 = await stage.prompt(60);
    const s1 = await joined(w60, 'u1', 0);
    const s2 = await joined(w60, 'u2', 0);
    await joined(w60, 'u3', 5.4);
    allAccepted([await s1.word(3.2, 0), await s2.word(3.9, 1), await s1.word(10, 2)]);
    allAccepted([await s2.leave(20), await s1.like(20.5)]);
    const words = await each(w60, [2, 3, 4, 62], ({ word_active }) => word_active);
    // prettier-ignore -- a table reads in rows
    expect(words).toEqual([
      [0, 0, 0],
      [1, 0, 0],
      [1, 1, 0],
      [0, 1, 1],
    ]);
    expect(await each(w60, [4, 5, 20, 21, 62], ({ users }) => users)).toEqual([2, 3, 3, 2, 2]);
    expect(await each(w60, [20, 21, 62], ({ likes }) => likes)).toEqual([0, 1, 1]);
    expect(await w60.counts()).toEqual({ 0: 2, 3: 2, 5: 1, 10: 1, 20: 2 });
    await s1.leave(60);
    expect(await each(w60, [61, 62], ({ users }) => users)).toEqual([2, 1]);
    expect(await w60.counts()).toEqual({ 0: 2, 3: 2, 5: 1, 10: 1, 20: 2, 60: 1 });
  });

  test('[23] may be said again', async () => {
    const w15 = await stage.prompt(15);
    const s1 = await joined(w15, 'u1', 0);
    allAccepted([await s1.word(2, 0), await s1.word(4, 0)]);
    // prettier-ignore -- a table reads in rows
    expect(await each(w15, [2, 4], ({ word_active }) => word_active)).toEqual([
      [1, 0, 0],
      [1, 0, 0],
    ]);
  });

  test('[24] change within a bin', async () => {
    const w8 = await stage.prompt(8);
    const s1 = await joined(w8, 'u1', 0);
    allAccepted([await s1.word(0.5, 0), await s1.word(1, 1), await s1.word(2, 2), await s1.leave(8)]);
    expect(await w8.stats(0)).toMatchObject({ word_active: [0, 1, 0] });
    expect(await w8.stats(1)).toMatchObject({ word_active: [0, 0, 1] });
    expect(await w8.stats(6)).toMatchObject({ users: 0, word_active: [0, 0, 1] });
    expect(await w8.counts()).toEqual({ 0: 2, 1: 1, 2: 1, 8: 1 });
  });

  test('[25] are those of sessions, not of people', async () => {
    const w15 = await stage.prompt(15);
    const s1 = await joined(w15, 'u1', 0);
    const s2 = await joined(w15, 'u1', 1);
    allAccepted([await s1.word(2, 0), await s2.word(2, 0), await s2.leave(6)]);
    expect(await each(w15, [0, 1, 2, 6], ({ users }) => users)).toEqual([1, 2, 2, 1]);
    expect(await each(w15, [2, 6], ({ word_active }) => word_active?.[0])).toEqual([2, 2]);
  });
});

test('[26] the colors of a crowd count exact times', async () => {
  const prompt = await stage.prompt(20, c20);
  const s1 = await joined(prompt, 'u1', 0.25);
  allAccepted([await s1.color(0.5, 1), await s1.color(19.99, 0), await s1.leave(20)]);
  // prettier-ignore -- a table reads in rows
  expect(await each(prompt, [0, 29, 30], ({ color_active }) => color_active)).toEqual([
    [0, 1],
    [0, 1],
    [1, 0],
  ]);
  expect((await prompt.stats(30)).users).toBe(0);
  expect(await prompt.counts()).toEqual({ 0: 2, 19: 1, 20: 1 });
});

test('[28] the ratings of a crowd have a number for each possible one', async () => {
  const prompt = await stage.prompt(10, n10);
  const s1 = await joined(prompt, 'u1', 0);
  allAccepted([await s1.rate(1, 7), await s1.rate(4, 9), await s1.rate(6, 9)]);
  const none = Object.fromEntries(Array.from({ length: 10 }, (_, step) => [String(step + 1), 0]));
  expect((await prompt.stats(0)).numeric_active).toEqual(none);
  for (const bin of [1, 5]) expect((await prompt.stats(bin)).numeric_active).toEqual({ ...none, 7: 1 });
  for (const bin of [6, 14]) expect((await prompt.stats(bin)).numeric_active).toEqual({ ...none, 9: 1 });
});

describe('pressing', () => {
  const presses = ({ press, press_active }: Stats) => [press, press_active];

  test('[30] counts the presses, and who presses', async () => {
    const prompt = await stage.prompt(15, p15);
    const s1 = await joined(prompt, 'u1', 0);
    for (const [start, end] of [
      [1.1, 1.2],
      [1.3, 1.9],
      [2, 3],
    ] as const) {
      allAccepted([await s1.press(start), await s1.release(end)]);
    }
    // prettier-ignore -- a table reads in rows
    expect(await each(prompt, [0, 1, 2, 3], presses)).toEqual([
      [0, 0],
      [2, 0],
      [3, 1],
      [3, 0],
    ]);
    expect((await prompt.counts())['1']).toBe(4);
  });

  test('[31] ends only after it began, and begins only after it ended', async () => {
    const s1 = await joined(await stage.prompt(15, p15), 'u1', 0);
    expect(await s1.release(1)).toMatchObject(refused('impossible_event_data'));
    allAccepted([await s1.press(2)]);
    expect(await s1.press(3)).toMatchObject(refused('impossible_event_data'));
  });

  test('[33] ends with leaving', async () => {
    const prompt = await stage.prompt(15, p15);
    const s1 = await joined(prompt, 'u1', 0);
    allAccepted([await s1.press(1), await s1.leave(4)]);
    expect(await prompt.stats(3)).toMatchObject({ users: 1, press: 1, press_active: 1 });
    for (const bin of [4, 14]) expect(await prompt.stats(bin)).toMatchObject({ users: 0, press: 1, press_active: 0 });
  });

  test('[34] [35] is over when it ended at the instant at which it began', async () => {
    const prompt = await stage.prompt(15, p15);
    const s1 = await joined(prompt, 'u1', 0);
    allAccepted([await s1.press(5), await s1.release(5)]);
    expect(await s1.release(6)).toMatchObject(refused('impossible_event_data'));
    expect(await each(prompt, [5, 6], presses)).toEqual([
      [1, 0],
      [1, 0],
    ]);
    allAccepted([await s1.press(6)]);
    expect(presses(await prompt.stats(6))).toEqual([2, 1]);
  });

  test('[36] begins again at the instant at which it ended', async () => {
    const prompt = await stage.prompt(15, p15);
    const s1 = await joined(prompt, 'u1', 0);
    allAccepted([await s1.press(5), await s1.release(6), await s1.press(6), await s1.release(7)]);
    // prettier-ignore -- a table reads in rows
    expect(await each(prompt, [5, 6, 7], presses)).toEqual([
      [1, 1],
      [2, 1],
      [2, 0],
    ]);
  });

  test('is taken once from two who ask at once', async () => {
    const prompt = await stage.prompt(15, p15);
    const s1 = await joined(prompt, 'u1', 0);
    const answers = await Promise.all(Array.from({ length: 6 }, (_, n) => s1.press(5 + n / 10)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(presses(await prompt.stats(14))).toEqual([1, 1]);
  });
});

describe('an answer', () => {
  test('is told as it was given', async () => {
    const s1 = await joined(await stage.prompt(15), 'u1', 0);
    expect(await s1.word(2, 1)).toMatchObject({
      status: 201,
      body: { type: 'word_prompt_response', prompt_time: 2, data: { index: 1 }, icon: null, user_sub: 'u1' },
    });
    const s2 = await joined(await stage.prompt(10, n10), 'u1', 0);
    expect(await s2.rate(2, 4)).toMatchObject({
      body: { type: 'numeric_prompt_response', data: { rating: 4 } },
    });
  });

  test('[39] is one at an instant, also if it differs', async () => {
    const s1 = await joined(await stage.prompt(15), 'u1', 0);
    allAccepted([await s1.word(2, 0)]);
    expect(await s1.word(2, 1)).toMatchObject(refused('session_has_same_event_at_same_time'));
  });

  test('[40] [41] keeps the order of its session', async () => {
    const s1 = await joined(await stage.prompt(15), 'u1', 0);
    allAccepted([await s1.word(2.9, 0), await s1.like(2.9)]);
    expect(await s1.word(2.5, 1)).toMatchObject(refused('session_has_later_event'));
  });

  test('[44] [45] fits the prompt', async () => {
    const s1 = await joined(await stage.prompt(15), 'u1', 0);
    expect(await s1.word(2, 3)).toMatchObject(refused('impossible_event_data'));
    expect(await s1.word(2, -1)).toMatchObject({ status: 422 });
    expect(await s1.rate(2, 1)).toMatchObject(refused('impossible_event'));
    expect(await s1.color(2, 9)).toMatchObject(refused('impossible_event'));
    expect(await s1.press(2)).toMatchObject(refused('impossible_event'));
    expect(await s1.release(2)).toMatchObject(refused('impossible_event'));
  });

  test('[46] lies on the scale', async () => {
    const s1 = await joined(await stage.prompt(10, n10), 'u1', 0);
    expect(await s1.rate(1, 0)).toMatchObject(refused('impossible_event_data'));
    expect(await s1.rate(1, 11)).toMatchObject(refused('impossible_event_data'));
    allAccepted([await s1.rate(1, 1), await s1.rate(2, 10)]);
  });

  test('[49] is judged by its time before its value', async () => {
    const s1 = await joined(await stage.prompt(15), 'u1', 0);
    allAccepted([await s1.word(5, 0)]);
    expect(await s1.word(4, 9)).toMatchObject(refused('session_has_later_event'));
    expect(await s1.word(5, 9)).toMatchObject(refused('session_has_same_event_at_same_time'));
  });

  test('[48] with a malformed id is one to something unknown', async () => {
    const s1 = await joined(await stage.prompt(15), 'u1', 0);
    expect(await s1.word(1, 0, { session_uid: 'mine' })).toMatchObject(refused('session_not_found'));
    expect(await s1.word(1, 0, { interactive_prompt_uid: 'x y' })).toMatchObject({
      status: 403,
      body: { type: 'invalid' },
    });
    expect(await s1.word(1, 0, { session_uid: 'x'.repeat(256) })).toMatchObject({ status: 422 });
    expect(await s1.word(1, 0, { session_uid: 7 })).toMatchObject({ status: 422 });
  });
});
