import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { aStage, type Answer, type Stage, type Visit } from '../interactive-prompts/a-stage.js';
import { eventually } from '../support/eventually.js';

let stage: Stage;
beforeAll(async () => {
  stage = await aStage();
});
afterAll(() => stage.stop());

const merge = (from: string, into: string): Promise<Answer> =>
  stage.admin.post('/api/1/admin/people/merge', { from, into });
const erase = (userSub: string): Promise<Answer> =>
  stage.admin.post('/api/1/admin/people/erase', { user_sub: userSub });

/** Likes later and later until it is answered so. */
async function likesUntil(visit: Visit, status: number): Promise<Answer> {
  let promptTime = 1;
  return eventually(async () => {
    promptTime += 0.01;
    const answer = await visit.like(promptTime);
    expect(answer.status).toBe(status);
    return answer;
  });
}

describe('merging accounts', () => {
  test('gives the sessions of one to the other, who acts in them from then on', async () => {
    const w15 = await stage.prompt(15);
    const visit = await w15.visit(stage.person('old-a'));
    await visit.join(0);
    expect(await merge('old-a', 'new-a')).toMatchObject({ status: 204 });
    const answer = await likesUntil(visit.by(stage.person('new-a')), 201);
    expect(answer.body).toMatchObject({ user_sub: 'new-a' });
    expect(await visit.like(9)).toMatchObject({ status: 409, body: { type: 'session_not_found' } });
    expect((await w15.stats(14)).users).toBe(1);
  });

  test('one after the other leads to the last one', async () => {
    const w15 = await stage.prompt(15);
    const visit = await w15.visit(stage.person('chain-1'));
    await visit.join(0);
    await Promise.all([merge('chain-1', 'chain-2'), merge('chain-2', 'chain-3')]);
    // Whichever came first: an account that is gone takes nobody over, and the merge is asked for again.
    await merge('chain-1', 'chain-3');
    await likesUntil(visit.by(stage.person('chain-3')), 201);
  });

  test('is refused where nobody would be left', async () => {
    expect(await merge('x', 'x')).toMatchObject({ status: 409, body: { type: 'same_person' } });
    const both = await Promise.all([merge('ping', 'pong'), merge('pong', 'ping')]);
    expect(both.map(({ status }) => status).sort()).toEqual([204, 409]);
    expect(await stage.person('x').post('/api/1/admin/people/merge', { from: 'x', into: 'y' })).toMatchObject({
      status: 403,
    });
  });
});

describe('erasing a person', () => {
  test('ends their sessions and leaves the sums', async () => {
    const w15 = await stage.prompt(15);
    const visit = await w15.visit(stage.person('gone'));
    await visit.join(0);
    await visit.word(1, 0);
    expect(await erase('gone')).toMatchObject({ status: 204 });
    expect(await erase('gone')).toMatchObject({ status: 204 });
    expect(await likesUntil(visit, 409)).toMatchObject({ body: { type: 'session_not_found' } });
    await eventually(async () => {
      expect(await w15.stats(14)).toMatchObject({ users: 0, word_active: [1, 0, 0] });
    });
    expect((await w15.stats(13)).users).toBe(1);
  });

  test('lets them neither start nor join', async () => {
    const w15 = await stage.prompt(15);
    const visit = await w15.visit(stage.person('joiner'));
    await erase('joiner');
    await eventually(async () => {
      const answer = await visit.join(0);
      expect(answer).toMatchObject({ status: 503, body: { type: 'user_not_found' } });
      expect(answer.headers.get('retry-after')).toBe('15');
    });
    const again = await stage
      .person('joiner')
      .post('/api/1/interactive_prompts/start', { interactive_prompt_uid: w15.uid });
    expect(again).toMatchObject({ status: 503, body: { type: 'user_not_found' } });
  });
});

describe('settings', () => {
  test('of when to be reminded work whether or not the prompt is over', async () => {
    const choose = (time: string) => stage.person('p').put('/api/1/users/me/notification_time', { time });
    expect(await choose('morning')).toMatchObject({ status: 204 });
    expect(await choose('evening')).toMatchObject({ status: 204 });
    expect(await choose('midnight')).toMatchObject({ status: 422 });
    expect(await stage.stranger.put('/api/1/users/me/notification_time', { time: 'morning' })).toMatchObject({
      status: 401,
    });
  });

  test('of one’s picture can be changed and taken back', async () => {
    const set = (imageUid: string | null) =>
      stage.person('p').put('/api/1/users/me/profile_picture', { image_uid: imageUid });
    expect(await set(`oseh_if_${'a'.repeat(22)}`)).toMatchObject({ status: 204 });
    expect(await set(null)).toMatchObject({ status: 204 });
    expect(await set('picture.png')).toMatchObject({ status: 422 });
  });

  test('of one’s picture are seen beside what one does', async () => {
    const uid = `oseh_if_${'b'.repeat(22)}`;
    const visit = await (await stage.prompt(15)).visit(stage.person('seen'));
    expect(await visit.join(0)).toMatchObject({ body: { icon: null } });
    await stage.person('seen').put('/api/1/users/me/profile_picture', { image_uid: uid });
    const answer = await visit.like(1);
    expect(answer).toMatchObject({ body: { icon: { uid, jwt: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/) } } });
  });
});
