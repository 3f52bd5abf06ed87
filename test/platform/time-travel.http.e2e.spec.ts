import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { AsOfHttp } from '../../src/platform/time-travel/as-of.http.js';
import { aStage, Problem, type APrompt, type Stage } from '../interactive-prompts/a-stage.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aRoom, pressed, type Room } from './time-travel.buttons.js';

const Answer = z.object({
  model: z.string(),
  table: z.string(),
  position: z.number(),
  total: z.number(),
  rows: z.array(z.looseObject({ prompt_uid: z.string() })),
});

let stage: Stage;
let prompt: APrompt;
/** Before anything happened in the prompt, and after it. */
let before: number;
let after: number;

beforeAll(async () => {
  stage = await aStage();
  prompt = await stage.prompt(30);
  const visit = await prompt.visit(stage.person('ada'));
  const position = (headers: Headers) => Number(headers.get('chorus-position'));
  before = position((await visit.join(0)).headers) - 1;
  after = position((await visit.like(3)).headers);
});
afterAll(() => stage.stop());

const path = (query: string, model = 'event_counts') => `/api/1/admin/projections/${model}/as_of?${query}`;
const ask = async (query: string) => Answer.parse((await stage.admin.get(path(query))).body);
const refused = async (query: string, model?: string) => {
  const { status, body } = await stage.admin.get(path(query, model));
  const { type, message } = Problem.parse(body);
  return { status, type, message };
};

describe('GET /api/1/admin/projections/:name/as_of', () => {
  test('is for administrators only', async () => {
    expect((await stage.stranger.get(path('position=1'))).status).toBe(401);
    expect((await stage.person('ada').get(path('position=1'))).status).toBe(403);
  });

  test('answers with the rows as they were', async () => {
    const own = `where=prompt_uid=${prompt.uid}`;
    expect(await ask(`position=${String(before)}&${own}`)).toMatchObject({ total: 0, rows: [] });
    expect(await ask(`position=${String(after)}&${own}&where=bucket%3E0`)).toMatchObject({
      model: 'event_counts',
      table: 'event_counts',
      position: after,
      rows: [{ prompt_uid: prompt.uid, bucket: 3, total: 1 }],
    });
    const now = encodeURIComponent(new Date().toISOString());
    expect(await ask(`time=${now}&${own}&order=bucket+desc&limit=1`)).toMatchObject({
      total: 2,
      rows: [{ bucket: 3 }],
    });
  });

  test('refuses what cannot be asked', async () => {
    expect(await refused('position=1', 'nothing')).toMatchObject({ status: 404, type: 'not_found' });
    expect(await refused('')).toMatchObject({ status: 422, type: 'invalid_request' });
    expect(await refused('position=1&time=2026-01-01')).toMatchObject({ status: 422, type: 'invalid_request' });
    expect(await refused('time=2026-01-01T00:00:00')).toMatchObject({
      status: 422,
      message: expect.stringContaining('/time'),
    });
    expect(await refused('time=17')).toMatchObject({ status: 422 });
    for (const limit of ['0', '', '0x10', '1e1'])
      expect(await refused(`position=1&limit=${limit}`)).toMatchObject({ status: 422 });
    expect(await refused('position=1&where=nothing=1')).toMatchObject({
      status: 422,
      type: 'cannot_be_answered',
      message: 'event_counts has no column "nothing". It has: prompt_uid, bucket, total.',
    });
    expect(await refused('position=999999')).toMatchObject({ status: 422, type: 'cannot_be_answered' });
  });

  test('is described', async () => {
    const { body } = await stage.admin.get('/openapi.json');
    const Described = z.object({ paths: z.record(z.string(), z.unknown()) });
    const route = JSON.stringify(Described.parse(body).paths['/api/1/admin/projections/{name}/as_of']);
    for (const word of ['position', 'time', 'table', 'where', 'order', 'limit']) expect(route).toContain(`"${word}"`);
  });
});

describe('what a request may cost', () => {
  let testing: TestDatabase;
  let room: Room;
  beforeAll(async () => {
    testing = await aDatabase();
    room = await aRoom(testing.database);
    await room.happens(pressed('a'), pressed('b'));
  });
  afterAll(async () => {
    await room.worker.stop();
    await testing.close();
  });
  const answer = (positionsMax: number) => {
    const route = new AsOfHttp(room.time, { AS_OF_POSITIONS_MAX: positionsMax });
    return () => route.asOf('buttons', { position: '2', where: [], limit: 10 });
  };

  test('is bounded by how much is folded, and the answer names the command that has no bound', async () => {
    await expect(answer(2)()).resolves.toMatchObject({ total: 2 });
    await expect(answer(1)()).rejects.toMatchObject({
      status: 422,
      type: 'fold_too_large',
      message: expect.stringContaining('"chorus as-of"'),
      more: { members: { positions_max: 1, estimate: { positions: 2, events: 2 } } },
    });
  });

  test('is bounded by how many are answered at once', async () => {
    const ask = answer(2);
    const all = await Promise.allSettled([ask(), ask(), ask()]);
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(all[2]).toMatchObject({ reason: { status: 503, type: 'busy' } });
    await expect(ask()).resolves.toBeDefined();
  });
});
