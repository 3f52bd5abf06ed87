import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { aStage, type Answer, type Stage, Started } from './a-stage.js';

let stage: Stage;
beforeAll(async () => {
  stage = await aStage();
});
afterAll(() => stage.stop());

const content = { style: 'word', text: 'When’s best?', options: ['Now', 'Later', 'Never'] };
const settings = { version: 0, prompt: content, duration_seconds: 60, expires_seconds: 2_419_200 };
const define = (identifier: string, changes: object = {}, person = stage.admin): Promise<Answer> =>
  person.put(`/api/1/admin/public_interactive_prompts/${identifier}`, { ...settings, ...changes });
const start = (identifier: string, sub = 'u1'): Promise<Answer> =>
  stage.person(sub).post('/api/1/interactive_prompts/start_public', { identifier });
const started = async (identifier: string, sub = 'u1'): Promise<Started> =>
  Started.parse((await start(identifier, sub)).body);

describe('a public prompt', () => {
  test.each([
    ['onboarding-prompt-feeling', ['Relax', 'Destress', 'Connect']],
    ['onboarding-prompt-feeling-result', [expect.any(String), expect.any(String), expect.any(String)]],
    ['notification-time', ['Morning', 'Afternoon', 'Evening']],
  ])('%s is there from the beginning', async (identifier, options) => {
    expect(await start(identifier)).toMatchObject({
      status: 201,
      body: { duration_seconds: 60, prompt: { style: 'word', options } },
    });
  });

  test('[73] has no instance until somebody starts the first, and the session is not started', async () => {
    await define('first');
    const one = await started('first');
    const prompt = stage.existing(one.uid);
    expect(await prompt.visitTo(stage.person('u1'), one).like(1)).toMatchObject({
      body: { type: 'session_not_started' },
    });
    expect((await prompt.stats(62)).users).toBe(0);
  });

  test('[74] is the same for everybody, in sessions of their own', async () => {
    await define('shared');
    const [one, other] = [await started('shared', 'u1'), await started('shared', 'u2')];
    expect(one.uid).toBe(other.uid);
    expect(one.session_uid).not.toBe(other.session_uid);
  });

  test('[74] has one instance also if many start the first at once', async () => {
    await define('rush');
    const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => started('rush', `u${String(n)}`)));
    expect(new Set(answers.map(({ uid }) => uid)).size).toBe(1);
    expect(new Set(answers.map(({ session_uid }) => session_uid)).size).toBe(12);
  });

  test('[76] gets a new instance by a higher version', async () => {
    await define('renewed');
    const old = await started('renewed');
    expect(await define('renewed', { version: 1, duration_seconds: 30 })).toMatchObject({ status: 200 });
    const next = await start('renewed');
    expect(next).toMatchObject({ status: 201, body: { duration_seconds: 30 } });
    expect(Started.parse(next.body).uid).not.toBe(old.uid);
  });

  test('[78] nobody left counts until its end', async () => {
    await define('stayed');
    const one = await started('stayed');
    const prompt = stage.existing(one.uid);
    const visit = prompt.visitTo(stage.person('u1'), one);
    await visit.join(0);
    await visit.word(5, 1);
    expect(await prompt.stats(62)).toMatchObject({ users: 1, word_active: [0, 1, 0] });
    expect(await visit.like(61)).toMatchObject({ status: 409, body: { type: 'impossible_prompt_time' } });
  });

  test('that nobody defined cannot be started', async () => {
    for (const identifier of ['nothing', 'not a name', '../x']) {
      const answer = await start(identifier);
      expect(answer).toMatchObject({ status: 503, body: { type: 'session_failed_to_start' } });
      expect(answer.headers.get('retry-after')).toBe('15');
    }
  });

  test('changes only under a higher version', async () => {
    expect(await define('fixed', { version: 3 })).toMatchObject({
      status: 200,
      body: { identifier: 'fixed', version: 3 },
    });
    expect(await define('fixed', { version: 3 })).toMatchObject({ status: 200 });
    for (const changes of [{ version: 3, duration_seconds: 10 }, { version: 2 }]) {
      expect(await define('fixed', changes)).toMatchObject({ status: 409, body: { type: 'version_too_low' } });
    }
    expect(await define('fixed', {}, stage.person('u1'))).toMatchObject({ status: 403 });
  });

  test('answers a repetition with the first session', async () => {
    await define('repeated');
    const once = stage.person('u1').with({ 'idempotency-key': 'start-public-once' });
    const ask = async () =>
      (await once.post('/api/1/interactive_prompts/start_public', { identifier: 'repeated' })).body;
    const [first, again] = [await ask(), await ask()];
    expect(z.object({ session_uid: z.string() }).parse(first)).toMatchObject({
      session_uid: Started.parse(again).session_uid,
    });
  });
});
