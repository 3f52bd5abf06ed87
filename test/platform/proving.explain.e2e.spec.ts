import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { aStage, Problem, type APrompt, type Stage } from '../interactive-prompts/a-stage.js';
import { eventually } from '../support/eventually.js';

const Answer = z.looseObject({
  row: z.looseObject({ total: z.number() }).nullable(),
  agrees: z.boolean(),
  events_total: z.number(),
  events: z.array(z.looseObject({ position: z.number(), type: z.string() })),
});

let stage: Stage;
let prompt: APrompt;
let last: number;

beforeAll(async () => {
  stage = await aStage();
  prompt = await stage.prompt(30);
  const visit = await prompt.visit(stage.person('ada'));
  await visit.join(3);
  last = Number((await visit.like(3)).headers.get('chorus-position'));
});
afterAll(() => stage.stop());

const path = (query: string) => `/api/1/admin/projections/explain?${query}`;

/** Once the read model has come so far. */
const explained = (query: string) =>
  eventually(async () => {
    const answer = Answer.parse((await stage.admin.get(path(query))).body);
    expect(answer.events_total).toBe(2);
    return answer;
  });

async function refused(query: string): Promise<{ status: number; message: string }> {
  const { status, body } = await stage.admin.get(path(query));
  return { status, message: Problem.parse(body).message };
}

describe('GET /api/1/admin/projections/explain', () => {
  test('is for administrators only', async () => {
    expect((await stage.stranger.get(path('table=event_counts&key=x'))).status).toBe(401);
    expect((await stage.person('ada').get(path('table=event_counts&key=x'))).status).toBe(403);
  });

  test.each([
    ['by name', (uid: string) => `key=bucket%3D3&key=prompt_uid%3D${uid}`],
    ['by place', (uid: string) => `key=${uid}&key=3`],
  ])('names the events that made a row whose key is given %s', async (_, key) => {
    expect(await explained(`table=event_counts&${key(prompt.uid)}`)).toMatchObject({
      row: { prompt_uid: prompt.uid, bucket: 3, total: 2 },
      folded: { total: 2 },
      agrees: true,
      events_total: 2,
      events: [
        { position: last, type: 'PromptLiked', effect: 'changed', columns: { total: { before: 1, after: 2, by: 1 } } },
        { type: 'SessionJoined', effect: 'created' },
      ],
    });
  });

  test('names as many as were asked for', async () => {
    const { events } = await explained(`table=event_counts&key=${prompt.uid}&key=3&limit=1`);
    expect(events).toMatchObject([{ position: last }]);
  });

  test('says what is wrong with the question', async () => {
    expect(await refused('table=nothing&key=x')).toMatchObject({ status: 422 });
    expect((await refused('table=nothing&key=x')).message).toContain('There is no table nothing.');
    expect((await refused('table=event_counts&key=x')).message).toContain('prompt_uid (text), bucket (integer)');
    expect((await refused(`table=event_counts&key=${prompt.uid}&key=three`)).message).toContain(
      'bucket must be a whole number',
    );
    expect(await refused('table=event_counts')).toMatchObject({ status: 422 });
  });
});
