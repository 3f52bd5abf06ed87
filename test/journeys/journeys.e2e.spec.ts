import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { aStage, type Stage } from '../interactive-prompts/a-stage.js';
import { AJourney, fourWords, threeWords } from './a-journey.js';

let stage: Stage;
beforeAll(async () => {
  stage = await aStage();
});
afterAll(() => stage.stop());

describe('a journey', () => {
  test('is created with a prompt of its own, whose lobby lasts 10 seconds', async () => {
    const journey = await AJourney.create(stage);
    expect(journey.first).toMatchObject({ prompt: threeWords, lobby_duration_seconds: 10, deleted: false });
    expect(await journey.settings()).toMatchObject({ ...journey.first, jwt: expect.any(String) });
  });

  test.each([4, 301, 7.5])('is not created with a lobby of %s seconds', async (seconds) => {
    const body = { title: 'x', subcategory: { internal_name: 'a', external_name: 'A' }, prompt: threeWords };
    const answer = await stage.admin.post('/api/1/journeys', { ...body, lobby_duration_seconds: seconds });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: '/lobby_duration_seconds' }] } });
  });

  test('is administered by administrators only', async () => {
    const journey = await AJourney.create(stage);
    const person = stage.person('u1');
    const path = `/api/1/journeys/${journey.uid}`;
    const forbidden = { status: 403, body: { type: 'forbidden' } };
    expect(await person.post('/api/1/journeys', {})).toMatchObject(forbidden);
    expect(await person.patch(path, {})).toMatchObject(forbidden);
    expect(await person.delete(path)).toMatchObject(forbidden);
    expect(await person.post(`${path}/undelete`, {})).toMatchObject(forbidden);
    expect(await person.get(`${path}/settings`)).toMatchObject(forbidden);
    expect(await person.get(`/api/1/admin/journey_views?journey_uid=${journey.uid}`)).toMatchObject(forbidden);
  });

  test('is seen by people with a token that starts its prompt', async () => {
    const journey = await AJourney.create(stage);
    const { status, body } = await stage.person('u1').get(`/api/1/journeys/${journey.uid}`);
    const { uid, title, interactive_prompt_uid } = journey.first;
    expect({ status, body }).toEqual({
      status: 200,
      body: { uid, title, interactive_prompt_uid, jwt: expect.stringMatching(/^eyJ/) },
    });
  });

  test('deleted and restored is gone and back, and its prompt was never touched', async () => {
    const journey = await AJourney.create(stage);
    const path = `/api/1/journeys/${journey.uid}`;
    const person = stage.person('u1');
    expect(await stage.admin.delete(path)).toMatchObject({ status: 204 });
    expect(await stage.admin.delete(path)).toMatchObject({ status: 204 });
    expect(await person.get(path)).toMatchObject({ status: 404, body: { type: 'not_found' } });
    expect(await stage.admin.patch(path, { title: 'x' })).toMatchObject({ status: 404 });
    expect(await journey.settings()).toMatchObject({ deleted: true });
    const gone = await journey.askStart(person);
    expect(gone).toMatchObject({ status: 503, body: { type: 'journey_gone' } });
    expect(gone.headers.get('retry-after')).toBe('15');
    const direct = { interactive_prompt_uid: journey.first.interactive_prompt_uid };
    expect(await person.post('/api/1/interactive_prompts/start', direct)).toMatchObject({ status: 201 });
    expect(await stage.admin.post(`${path}/undelete`, {})).toMatchObject({ status: 204 });
    expect(await stage.admin.post(`${path}/undelete`, {})).toMatchObject({ status: 204 });
    expect(await journey.askStart(person)).toMatchObject({ status: 201 });
  });
});

describe('changing a journey', () => {
  test('to other words for the same question keeps its prompt and the answers', async () => {
    const journey = await AJourney.create(stage);
    const { interactive_prompt_uid: promptUid } = journey.first;
    const stay = await journey.start(stage.person('u1'));
    await stay.tell('join', 0);
    await stay.tell('respond_word_prompt', 1, { index: 2 });
    const reworded = { ...threeWords, text: 'And now?' };
    expect(await journey.patch({ prompt: reworded })).toMatchObject({
      interactive_prompt_uid: promptUid,
      prompt: reworded,
    });
    expect(await journey.statsOfPrompt(promptUid, 14)).toMatchObject({ users: 1, word_active: [0, 0, 1] });
    const { body } = await journey.askStart(stage.person('u2'));
    expect(body).toMatchObject({ uid: promptUid, prompt: reworded });
    expect(await journey.formerPrompts()).toEqual([]);
  });

  test.each([
    ['three options to four', { prompt: fourWords }, { prompt: fourWords, lobby_duration_seconds: 10 }],
    ['a lobby duration', { lobby_duration_seconds: 20 }, { prompt: threeWords, lobby_duration_seconds: 20 }],
    ['the same lobby duration', { lobby_duration_seconds: 10 }, { prompt: threeWords, lobby_duration_seconds: 10 }],
    ['archived responses', { archive_prompt_responses: true }, { prompt: threeWords, lobby_duration_seconds: 10 }],
  ])('[88] [89] to %s replaces its prompt, and the views of both count', async (_, changes, now) => {
    const journey = await AJourney.create(stage);
    const { interactive_prompt_uid: former } = journey.first;
    const before = await journey.start(stage.person('u1'));
    await before.tell('join', 0);

    const after = await journey.patch(changes);
    expect(after).toMatchObject(now);
    const current = after.interactive_prompt_uid;
    expect(current).not.toBe(former);
    expect(await journey.formerPrompts()).toEqual([former]);
    expect(await journey.statsOfPrompt(current, 0)).toMatchObject({ users: 0 });
    const direct = { interactive_prompt_uid: former };
    expect(await stage.person('u2').post('/api/1/interactive_prompts/start', direct)).toMatchObject({ status: 404 });
    // Whoever is in it may finish.
    expect(await before.tell('like', 1)).toMatchObject({ status: 201 });

    const next = await journey.start(stage.person('u2'));
    expect(next.promptUid).toBe(current);
    await next.tell('join', 0);
    expect(await journey.views()).toBe(2);
  });

  test('is one change, also when it is asked for twice with one key', async () => {
    const journey = await AJourney.create(stage);
    const admin = stage.admin.with({ 'idempotency-key': 'swap' });
    const ask = () => admin.patch(`/api/1/journeys/${journey.uid}`, { archive_prompt_responses: true });
    const [one, other] = [await ask(), await ask()];
    expect(other.headers.get('chorus-position')).toBe(one.headers.get('chorus-position'));
    expect(await journey.formerPrompts()).toHaveLength(1);
  });

  test('at once from many sides loses no prompt', async () => {
    const journey = await AJourney.create(stage);
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => journey.patch({ archive_prompt_responses: true })),
    );
    const now = await journey.settings();
    const all = [...(await journey.formerPrompts()), now.interactive_prompt_uid];
    expect(new Set(all).size).toBe(7);
    expect(all).toContain(journey.first.interactive_prompt_uid);
    for (const { interactive_prompt_uid } of answers) expect(all).toContain(interactive_prompt_uid);
  });

  test('of its subcategory and title does not touch its prompt', async () => {
    const journey = await AJourney.create(stage);
    const subcategory = { internal_name: 'rest', external_name: 'Rest' };
    const { interactive_prompt_uid } = journey.first;
    const changed = await journey.patch({ subcategory, title: '  A walk ' });
    expect(changed).toMatchObject({ title: 'A walk', interactive_prompt_uid });
    expect(await journey.formerPrompts()).toEqual([]);
  });
});

describe('the views of a journey', () => {
  test('[86] are its joins, whenever they came and however short the stay was', async () => {
    const journey = await AJourney.create(stage);
    const [s0, s1, s2] = await Promise.all(['u0', 'u1', 'u2'].map((sub) => journey.start(stage.person(sub))));
    await s0?.tell('join', 0);
    await s1?.tell('join', 0.2);
    await s1?.tell('leave', 0.6);
    await s2?.tell('join', 1);
    expect((await journey.statsOfPrompt(journey.first.interactive_prompt_uid, 0)).users).toBe(1);
    expect(await journey.views()).toBe(3);
  });

  test('do not count sessions that nobody joined', async () => {
    const journey = await AJourney.create(stage);
    await journey.start(stage.person('u1'));
    expect(await journey.views()).toBe(0);
  });

  test('of no journey are not found', async () => {
    const path = `/api/1/admin/journey_views?journey_uid=oseh_j_${'0'.repeat(22)}`;
    expect(await stage.admin.get(path)).toMatchObject({ status: 404, body: { type: 'not_found' } });
  });
});

describe('starting the prompt of a journey', () => {
  test('opens a new session each time', async () => {
    const journey = await AJourney.create(stage);
    const person = stage.person('u1');
    const [one, other] = [await journey.start(person), await journey.start(person)];
    expect(one.sessionUid).not.toBe(other.sessionUid);
    expect(one.promptUid).toBe(other.promptUid);
    expect(await one.tell('join', 0)).toMatchObject({ status: 201 });
  });

  test('judges the person’s token before the journey’s', async () => {
    const journey = await AJourney.create(stage);
    const other = await AJourney.create(stage);
    const person = stage.person('u1');
    const wrong = { journey_jwt: 'nonsense' };
    expect(await journey.askStart(stage.stranger, wrong)).toMatchObject({ status: 401, body: { type: 'not_set' } });
    const invalid = { status: 403, body: { type: 'invalid' } };
    expect(await journey.askStart(person, wrong)).toMatchObject(invalid);
    expect(await journey.askStart(person, { journey_jwt: other.first.jwt })).toMatchObject(invalid);
    const promptJwt = stage.promptJwt(journey.uid);
    expect(await journey.askStart(person, { journey_jwt: promptJwt })).toMatchObject(invalid);
  });

  test('fails for now while its prompt takes no sessions', async () => {
    const journey = await AJourney.create(stage);
    await stage.admin.delete(`/api/1/admin/interactive_prompts/${journey.first.interactive_prompt_uid}`);
    const failed = await journey.askStart(stage.person('u1'));
    expect(failed).toMatchObject({ status: 503, body: { type: 'session_failed_to_start' } });
    expect(failed.headers.get('retry-after')).toBe('15');
    await journey.patch({ archive_prompt_responses: true });
    expect(await journey.askStart(stage.person('u1'))).toMatchObject({ status: 201 });
  });
});

describe('the list of journeys', () => {
  const Page = z.object({ items: z.array(z.object({ uid: z.string() }).loose()), next: z.string().nullable() });

  test('finds them by the prompt that they ask now, page by page', async () => {
    const [pressed, started] = [await AJourney.create(stage), await AJourney.create(stage)];
    await pressed.patch({ prompt: { style: 'press', text: 'Hold' }, title: 'Held' });
    const { promptUid } = await started.start(stage.person('u1'));
    await started.patch({ title: 'Started' });
    const list = async (query: string) => {
      const { body } = await started.seenBy(stage.admin).get(`/api/1/admin/journeys?${query}`);
      return Page.parse(body);
    };
    const { items: presses } = await list('prompt_style=press');
    expect(presses).toMatchObject([{ uid: pressed.uid, title: 'Held', prompt_style: 'press', sessions: 0 }]);
    const { items: all } = await list('limit=1000');
    const { items: used } = await list('has_sessions=true&limit=1000');
    const { items: unused } = await list('has_sessions=false&limit=1000');
    expect(used).toContainEqual(
      expect.objectContaining({ uid: started.uid, title: 'Started', interactive_prompt_uid: promptUid, sessions: 1 }),
    );
    expect(unused.map(({ uid }) => uid)).toContain(pressed.uid);
    expect(used.length + unused.length).toBe(all.length);
    const first = await list('limit=2');
    const second = await list(`limit=2&after=${String(first.next)}`);
    expect([...first.items, ...second.items]).toEqual(all.slice(0, 4));
  });
});
