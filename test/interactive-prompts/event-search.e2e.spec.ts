import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type APrompt, aStage, type Answer, type Stage } from './a-stage.js';

let stage: Stage;
let prompt: APrompt;
let seen = '0';

const Found = z.object({
  items: z.array(
    z.object({ uid: z.string(), evtype: z.string(), prompt_time: z.number(), user_sub: z.string().nullable() }).loose(),
  ),
  next_page_sort: z.array(z.unknown()).nullable(),
});

async function ask(body: object, of = prompt): Promise<Answer> {
  return stage.stranger
    .with({ authorization: `bearer ${of.jwt}`, 'chorus-at-least': seen })
    .post('/api/1/interactive_prompts/events/search', body);
}

const search = async (body: object, of = prompt) => Found.parse((await ask(body, of)).body);
const happened = async (filters: object) => (await search({ filters, sort: [{ key: 'prompt_time' }] })).items;

const noted = (answer: Answer): Answer => {
  seen = answer.headers.get('chorus-position') ?? seen;
  return answer;
};

beforeAll(async () => {
  stage = await aStage();
  prompt = await stage.prompt(15);
  for (const name of ['ada', 'bob']) {
    const visit = await prompt.visit(stage.person(name, { givenName: name }));
    noted(await visit.join(0));
    for (let nth = 0; nth < 10; nth += 1) noted(await visit.like(3 + nth / 10));
    noted(await visit.word(5, 1));
    noted(await visit.leave(6));
  }
});

afterAll(async () => {
  await stage.stop();
});

describe('a search for events', () => {
  test('finds all of a prompt, and says what each was', async () => {
    const { items, next_page_sort } = await search({});
    expect(items).toHaveLength(26);
    expect(next_page_sort).toBeNull();
    const [joined] = await happened({
      evtype: { operator: 'eq', value: 'join' },
      user_sub: { operator: 'eq', value: 'ada' },
    });
    expect(joined).toMatchObject({
      evtype: 'join',
      user_sub: 'ada',
      interactive_prompt_uid: prompt.uid,
      icon: null,
      data: { name: 'ada' },
    });
    const [answered] = await happened({ evtype: { operator: 'eq', value: 'word_prompt_response' } });
    expect(answered).toMatchObject({ data: { index: 1 }, prompt_time: 5 });
  });

  test('leaves out what its filters leave out', async () => {
    const count = async (filters: object) => (await happened(filters)).length;
    expect(await count({ user_sub: { operator: 'neq', value: 'ada' } })).toBe(13);
    expect(await count({ evtype: { operator: 'in', value: ['join', 'leave'] } })).toBe(4);
    expect(await count({ evtype: { operator: 'neq', value: 'like' } })).toBe(6);
    expect(await count({ prompt_time: { operator: 'eq', value: 3 } })).toBe(2);
    expect(await count({ prompt_time: { operator: 'neq', value: 3 } })).toBe(24);
    expect(await count({ prompt_time: { operator: 'gt', value: 5 } })).toBe(2);
    expect(await count({ prompt_time: { operator: 'gte', value: 5 } })).toBe(4);
    expect(await count({ prompt_time: { operator: 'lt', value: 3 } })).toBe(2);
    expect(await count({ prompt_time: { operator: 'lte', value: 3 } })).toBe(4);
    expect(await count({ prompt_time: { operator: 'bt', value: [5, 6] } })).toBe(4);
    expect(await count({ prompt_time: { operator: 'bte', value: [5, 6] } })).toBe(2);
    expect(await count({ created_at: { operator: 'lt', value: 1 } })).toBe(0);
    const [first] = await happened({});
    expect(await count({ session_uid: { operator: 'eq', value: z.string().parse(first?.['session_uid']) } })).toBe(13);
  });

  test.each([
    { sort: [{ key: 'uid' }] },
    { sort: [{ key: 'uid', dir: 'desc' }] },
    { sort: [{ key: 'prompt_time' }] },
    {
      sort: [
        { key: 'prompt_time', dir: 'desc' },
        { key: 'uid', dir: 'asc' },
      ],
    },
  ])('gives every event once, page by page, sorted by $sort', async ({ sort }) => {
    const whole = (await search({ sort })).items;
    const pages: typeof whole = [];
    let next: unknown = sort;
    while (next !== null) {
      const page = await search({ sort: next, limit: 3 });
      pages.push(...page.items);
      next = page.next_page_sort;
    }
    expect(pages.map(({ uid }) => uid)).toEqual(whole.map(({ uid }) => uid));
    expect(new Set(whole.map(({ uid }) => uid)).size).toBe(26);
  });

  test('at random finds the same events in some order, on one page', async () => {
    const found = await search({ sort: [{ key: 'random' }], limit: 5 });
    expect(found.items).toHaveLength(5);
    expect(found.next_page_sort).toBeNull();
    expect((await ask({ sort: [{ key: 'random', after: 1 }] })).status).toBe(422);
  });

  test('stays with the prompt of its token', async () => {
    const other = await stage.prompt(15);
    expect((await search({}, other)).items).toEqual([]);
    const named = (operator: string, value: string) =>
      ask({ filters: { interactive_prompt_uid: { operator, value } } });
    expect((await named('eq', prompt.uid)).status).toBe(200);
    expect((await named('eq', other.uid)).status).toBe(403);
    expect((await named('neq', prompt.uid)).status).toBe(403);
    expect((await stage.stranger.post('/api/1/interactive_prompts/events/search', {})).status).toBe(401);
  });

  test('takes no more than it says', async () => {
    for (const body of [
      { limit: 0 },
      { limit: 5_001 },
      { filters: { mood: { operator: 'eq', value: 1 } } },
      { sort: [{ key: 'mood' }] },
    ])
      expect((await ask(body)).status).toBe(422);
  });
});

describe('a sample of a second', () => {
  const second = { prompt_time: { operator: 'bte', value: [3, 4] } };
  const sample = async (about: number) =>
    (await happened({ ...second, dropout_for_total: { operator: 'eq', value: about } })).map(({ uid }) => uid);

  test('[56] is all of it, if that is not too much', async () => {
    expect(await sample(134)).toHaveLength(20);
  });

  test('is always the same, and raising it only adds to it', async () => {
    const samples = await Promise.all([1, 5, 10, 15, 20].map(sample));
    expect(await sample(10)).toEqual(samples[2]);
    for (const [at, larger] of samples.entries())
      for (const uid of samples[at - 1] ?? []) expect(larger).toContain(uid);
    expect(samples[4]).toHaveLength(20);
  });

  test('[58] needs one whole second', async () => {
    const dropout_for_total = { operator: 'eq', value: 10 };
    const status = async (prompt_time: object | undefined, more: object = {}) =>
      (await ask({ filters: { dropout_for_total, prompt_time }, ...more })).status;
    expect(await status({ operator: 'bte', value: [2.5, 3.5] })).toBe(422);
    expect(await status({ operator: 'bte', value: [2, 4] })).toBe(422);
    expect(await status({ operator: 'bt', value: [2, 3] })).toBe(422);
    expect(await status(undefined)).toBe(422);
    expect(await status({ operator: 'bte', value: [2, 3] })).toBe(200);
    expect(await status({ operator: 'bte', value: [2, 3] }, { sort: [{ key: 'uid', after: 'oseh_ipe_x' }] })).toBe(422);
  });

  test('in random order is small', async () => {
    const about = (value: number) =>
      ask({ filters: { ...second, dropout_for_total: { operator: 'eq', value } }, sort: [{ key: 'random' }] });
    expect((await about(100)).status).toBe(200);
    expect((await about(101)).status).toBe(422);
  });
});
