import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { aStage, type Stage } from '../interactive-prompts/a-stage.js';
import { AJourney } from './a-journey.js';

let stage: Stage;
beforeAll(async () => {
  stage = await aStage();
});
afterAll(() => stage.stop());

const asBefore = (sessionUid: string): string => sessionUid.replace('oseh_ips_', 'oseh_js_');
const uid22 = '0'.repeat(22);

describe('a client of the journey era', () => {
  test('starts a journey in one step', async () => {
    const journey = await AJourney.create(stage, { lobby_duration_seconds: 20 });
    const answer = await stage.person('u1').post('/api/1/journeys/start', { journey_uid: journey.uid });
    const { title, prompt, interactive_prompt_uid } = journey.first;
    expect(answer).toMatchObject({
      status: 201,
      body: { uid: journey.uid, title, prompt, interactive_prompt_uid, lobby_duration_seconds: 20 },
    });
    expect(answer.body).toHaveProperty('session_uid', expect.stringMatching(/^oseh_ips_/));
  });

  test('takes part in its own words', async () => {
    const journey = await AJourney.create(stage);
    const stay = await journey.startAsBefore(stage.person('u1', { givenName: 'Ada' }), asBefore);
    expect(await stay.tell('join', 0)).toMatchObject({
      status: 201,
      body: {
        type: 'join',
        user_sub: 'u1',
        journey_uid: journey.uid,
        session_uid: asBefore(stay.sessionUid),
        journey_time: 0,
        icon: null,
        data: { name: 'Ada' },
      },
    });
    const chosen = await stay.tell('respond_word_prompt', 1.5, { index: 2 });
    expect(chosen).toMatchObject({ status: 201, body: { type: 'word_prompt_response', data: { index: 2 } } });
    expect(await stay.tell('like', 2)).toMatchObject({ status: 201, body: { type: 'like', journey_time: 2 } });
    expect(await stay.tell('leave', 3)).toMatchObject({ status: 201, body: { type: 'leave' } });
    expect(await stay.tell('like', 4)).toMatchObject({ status: 409, body: { type: 'session_already_ended' } });
  });

  test.each([
    ['respond_numeric_prompt', { style: 'numeric', text: 'Rate', min: 1, max: 10 }, { rating: 7 }],
    ['respond_press_prompt/start', { style: 'press', text: 'Hold' }, {}],
    ['respond_color_prompt', { style: 'color', text: 'Pick', colors: ['#ffffff', '#000000'] }, { index: 1 }],
  ])('answers with %s', async (path, prompt, data) => {
    const journey = await AJourney.create(stage, { prompt });
    const stay = await journey.startAsBefore(stage.person('u1'));
    await stay.tell('join', 0);
    expect(await stay.tell(path, 1, data)).toMatchObject({ status: 201, body: { data } });
    const end = await stay.tell('respond_press_prompt/end', 2);
    expect(end.status).toBe(path.startsWith('respond_press') ? 201 : 409);
  });

  test('hears of its mistakes in its own words', async () => {
    const journey = await AJourney.create(stage);
    const other = await AJourney.create(stage);
    const stay = await journey.startAsBefore(stage.person('u1'));
    await stay.tell('join', 0);
    const tell = (changes: object) => stay.tell('like', 1, {}, changes);
    const conflict = (type: string) => ({ status: 409, body: { type } });
    expect(await tell({ journey_time: 10.5 })).toMatchObject(conflict('impossible_journey_time'));
    expect(await tell({ journey_time: -1 })).toMatchObject(conflict('impossible_journey_time'));
    expect(await tell({ session_uid: `oseh_js_${uid22}` })).toMatchObject(conflict('session_not_found'));
    expect(await tell({ journey_jwt: `bearer ${journey.first.jwt}` })).toMatchObject({
      status: 401,
      body: { type: 'bad_format' },
    });
    expect(await tell({ journey_jwt: other.first.jwt })).toMatchObject({ status: 403, body: { type: 'invalid' } });
    const elsewhere = { journey_uid: other.uid, journey_jwt: other.first.jwt };
    expect(await tell(elsewhere)).toMatchObject(conflict('session_not_found'));
    expect(await stay.tell('respond_color_prompt', 1, { index: 0 })).toMatchObject(conflict('impossible_event'));
    expect(await stay.tell('join', 1)).toMatchObject(conflict('session_already_started'));
  });

  test('finishes the prompt it is in when the journey gets another', async () => {
    const journey = await AJourney.create(stage);
    const stay = await journey.startAsBefore(stage.person('u1'));
    await stay.tell('join', 0);
    await journey.patch({ archive_prompt_responses: true });
    expect(await stay.tell('respond_word_prompt', 1, { index: 0 })).toMatchObject({ status: 201 });
    expect(await journey.statsOfPrompt(stay.promptUid, 14)).toMatchObject({ users: 1, word_active: [1, 0, 0] });
    const next = await journey.startAsBefore(stage.person('u2'));
    expect(next.promptUid).not.toBe(stay.promptUid);
    expect(await next.tell('join', 0)).toMatchObject({ status: 201 });
    expect(await journey.askStats(14)).toMatchObject({ status: 200, body: { users: 1, word_active: [0, 0, 0] } });
    expect(await journey.views()).toBe(2);
  });
});

const FoundEvents = z.object({ items: z.array(z.object({ uid: z.string(), evtype: z.string() }).loose()) });

describe('clients of both generations', () => {
  test('see each other', async () => {
    const journey = await AJourney.create(stage);
    const old = await journey.startAsBefore(stage.person('u1'));
    const now = await journey.start(stage.person('u2'));
    await old.tell('join', 0);
    await now.tell('join', 0);
    await old.tell('respond_word_prompt', 1, { index: 0 });
    await now.tell('respond_word_prompt', 1, { index: 1 });
    const seen = await journey.statsOfPrompt(now.promptUid, 14);
    expect(seen).toMatchObject({ users: 2, word_active: [1, 1, 0] });
    const seenAsBefore = await journey.askStats(14);
    expect(seenAsBefore).toMatchObject({ status: 200, body: { users: 2, word_active: [1, 1, 0] } });

    const foundAsBefore = await journey.asHolder().post('/api/1/journeys/events/search', {});
    const key = { authorization: `bearer ${stage.promptJwt(now.promptUid)}` };
    const found = await journey.asHolder().with(key).post('/api/1/interactive_prompts/events/search', {});
    const uids = (body: unknown) => FoundEvents.parse(body).items.map(({ uid }) => uid);
    expect(uids(foundAsBefore.body)).toHaveLength(4);
    expect(uids(foundAsBefore.body)).toEqual(uids(found.body));
    expect(await journey.views()).toBe(2);
  });

  test('may be in one session together', async () => {
    const journey = await AJourney.create(stage);
    const person = stage.person('u1');
    const old = await journey.startAsBefore(person);
    await old.tell('join', 0);
    const body = {
      interactive_prompt_uid: old.promptUid,
      interactive_prompt_jwt: stage.promptJwt(old.promptUid),
      session_uid: old.sessionUid,
      prompt_time: 0,
      data: {},
    };
    const again = await person.post('/api/1/interactive_prompts/events/join', body);
    expect(again).toMatchObject({ status: 409, body: { type: 'session_already_started' } });
  });
});

describe('reads in the words of the journey era', () => {
  test('search by journey time and go on from page to page', async () => {
    const journey = await AJourney.create(stage);
    const stay = await journey.startAsBefore(stage.person('u1'));
    await stay.tell('join', 0);
    for (const time of [1, 2, 3]) await stay.tell('like', time);
    const holder = journey.asHolder();
    const search = (body: object) => holder.post('/api/1/journeys/events/search', body);
    const page = await search({
      filters: {
        journey_uid: { operator: 'eq', value: journey.uid },
        session_uid: { operator: 'eq', value: asBefore(stay.sessionUid) },
        journey_time: { operator: 'gte', value: 1 },
      },
      sort: [{ key: 'journey_time', dir: 'desc' }],
      limit: 2,
    });
    expect(page).toMatchObject({
      status: 200,
      body: { items: [{ journey_time: 3, journey_uid: journey.uid }, { journey_time: 2 }] },
    });
    const { next_page_sort: sort } = z.object({ next_page_sort: z.array(z.unknown()) }).parse(page.body);
    expect(sort[0]).toMatchObject({ key: 'journey_time', after: 2 });
    expect(await search({ sort })).toMatchObject({ body: { items: [{ journey_time: 1 }, { journey_time: 0 }] } });
  });

  test('find sessions on earlier prompts of the journey too, of one or of several, from page to page', async () => {
    const journey = await AJourney.create(stage);
    const stays = [];
    for (const sub of ['u1', 'u2', 'u3']) {
      const stay = await journey.startAsBefore(stage.person(sub));
      await stay.tell('join', 0);
      await stay.tell('like', 1 + stays.length);
      stays.push(stay);
      if (stays.length < 3) await journey.patch({ archive_prompt_responses: true });
    }
    const another = await AJourney.create(stage);
    const stranger = await another.startAsBefore(stage.person('u4'));
    await stranger.tell('join', 0);

    const found = async (body: object) => {
      const answer = await journey.asHolder().post('/api/1/journeys/events/search', body);
      const Found = z.object({
        items: z.array(z.object({ session_uid: z.string(), journey_uid: z.string(), journey_time: z.number() })),
        next_page_sort: z.array(z.unknown()).nullable(),
      });
      return Found.parse(answer.body);
    };
    const [first, , last] = stays.map(({ sessionUid }) => asBefore(sessionUid));
    const ofFirst = await found({ filters: { session_uid: { operator: 'eq', value: first } } });
    expect(ofFirst.items.map(({ journey_time }) => journey_time).toSorted()).toEqual([0, 1]);
    expect(new Set(ofFirst.items.map(({ journey_uid }) => journey_uid))).toEqual(new Set([journey.uid]));

    const value = [...stays, stranger].map(({ sessionUid }) => asBefore(sessionUid));
    const ofAll = { filters: { session_uid: { operator: 'in', value } }, limit: 2 };
    const seen: unknown[] = [];
    let sort: unknown = [{ key: 'journey_time', dir: 'desc' }];
    while (sort !== null) {
      const { items, next_page_sort } = await found({ ...ofAll, sort });
      seen.push(...items.map(({ journey_time }) => journey_time));
      sort = next_page_sort;
    }
    expect(seen).toEqual([3, 2, 1, 0, 0, 0]);

    const withoutNames = await found({});
    expect(new Set(withoutNames.items.map(({ session_uid }) => asBefore(session_uid)))).toEqual(new Set([last]));
    const atRandom = { ...ofAll, sort: [{ key: 'random' }] };
    expect(await journey.asHolder().post('/api/1/journeys/events/search', atRandom)).toMatchObject({
      status: 422,
      body: { errors: [{ path: '/sort' }] },
    });
  });

  test.each([
    [{ filters: { journey_time: { operator: 'eq', value: 'soon' } } }, '/filters/journey_time/value', ''],
    [{ filters: { journey_uid: 'x' } }, '/filters/journey_uid', ''],
    [{ filters: { prompt_time: { operator: 'eq', value: 1 } } }, '/filters/prompt_time', 'journey_time'],
    [{ filters: { dropout_for_total: { operator: 'eq', value: 5 } } }, '/filters', 'needs journey_time as bte'],
    [{ sort: [{ key: 'uid' }, { key: 'journey_time' }] }, '/sort', 'must be uid, journey_time'],
  ])('say of %j what is wrong in the words that it was asked in', async (body, path, says) => {
    const journey = await AJourney.create(stage);
    const wrong = await journey.asHolder().post('/api/1/journeys/events/search', body);
    expect(wrong).toMatchObject({ status: 422, body: { errors: [{ path, message: expect.stringContaining(says) }] } });
    expect(JSON.stringify(wrong.body)).not.toMatch(
      says === 'journey_time' ? /interactive_prompt_uid/ : /prompt_(uid|time)/,
    );
  });

  test('stay with the journey of their token', async () => {
    const [journey, other] = [await AJourney.create(stage), await AJourney.create(stage)];
    const invalid = { status: 403, body: { type: 'invalid' } };
    expect(await journey.askStats(0, other.uid)).toMatchObject(invalid);
    const filters = { journey_uid: { operator: 'eq', value: other.uid } };
    expect(await journey.asHolder().post('/api/1/journeys/events/search', { filters })).toMatchObject(invalid);
    const pictures = { uid: other.uid, jwt: journey.first.jwt, journey_time: 0, limit: 5 };
    const person = stage.person('u1');
    expect(await person.post('/api/1/journeys/profile_pictures', pictures)).toMatchObject(invalid);
  });

  test('name what is wrong', async () => {
    const journey = await AJourney.create(stage);
    expect(await journey.askStats(15)).toMatchObject({ status: 404, body: { type: 'bin_not_found' } });
    expect(await journey.askStats(-1)).toMatchObject({ status: 422 });
    const pictures = { uid: journey.uid, jwt: journey.first.jwt, journey_time: 12, limit: 5 };
    const person = stage.person('u1');
    const ask = (body: object) => person.post('/api/1/journeys/profile_pictures', body);
    expect(await ask(pictures)).toMatchObject({ status: 404, body: { type: 'journey_not_found' } });
    const found = await ask({ ...pictures, journey_time: 11.9 });
    expect(found).toMatchObject({ status: 200, body: { items: [] } });
    expect(found.headers.get('cache-control')).toBe('private, max-age=120');
    const wrong = await journey.asHolder().post('/api/1/journeys/events/search', { filters: { mood: {} } });
    expect(wrong).toMatchObject({ status: 422 });
  });
});
