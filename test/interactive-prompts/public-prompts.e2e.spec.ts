import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { publicPrompt } from '../../src/interactive-prompts/public-prompt.js';
import { isRefusal } from '../../src/kernel/decision-model.js';
import { PublicRecordUid } from '../../src/kernel/ids.js';
import { UnixSeconds } from '../../src/kernel/instant.js';
import { promptNo, threeWords } from './stays.js';
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

const fourWeeks = 28 * 86_400;

const Instances = z.object({
  items: z.array(
    z.object({
      interactive_prompt_uid: z.string(),
      version: z.number(),
      started_at: z.number(),
      expires_at: z.number(),
      reason: z.string(),
    }),
  ),
  next: z.string().nullable(),
});
const instancesOf = async (identifier: string, position: string | null, query = '') => {
  const path = `/api/1/admin/public_interactive_prompts/${identifier}/instances${query}`;
  return Instances.parse((await stage.admin.with({ 'chorus-at-least': position ?? '0' }).get(path)).body);
};
const positionOf = ({ headers }: Answer): string | null => headers.get('chorus-position');

/** A public prompt that was defined and first started at a time of the past, as the rules say that it goes. */
async function startedBefore(identifier: string, startedAt: number, n: number): Promise<string> {
  const at = UnixSeconds.parse(startedAt);
  const settings = { identifier, version: 0, content: threeWords, durationSeconds: 60, expiresSeconds: fourWeeks };
  const defined = { type: 'PublicPromptDefined', ...settings, at } as const;
  const recordUid = PublicRecordUid.parse(`oseh_pip_${String(n).padStart(22, '0')}`);
  const promptUid = promptNo(n);
  const rotated = publicPrompt.decide(
    { type: 'RotateInstance', promptUid, recordUid, at },
    publicPrompt.evolve(publicPrompt.initial, defined),
  );
  if (isRefusal(rotated)) throw new Error(rotated.refused);
  const created = { type: 'PromptCreated', promptUid, content: threeWords, durationSeconds: 60, createdAt: at };
  await stage.happened(
    { stream: `publicPrompt-${identifier}`, expected: 'none', events: [defined, ...rotated] },
    { stream: `prompt-${promptUid}`, expected: 'none', events: [created] },
  );
  return promptUid;
}

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

  test('[73] has one record of its instance, which lasts exactly four weeks, and a session that is only opened', async () => {
    await define('recorded');
    const answer = await start('recorded');
    const { items } = await instancesOf('recorded', positionOf(answer));
    expect(items).toMatchObject([
      { interactive_prompt_uid: Started.parse(answer.body).uid, version: 0, reason: 'first' },
    ]);
    expect(items[0]!.expires_at - items[0]!.started_at).toBe(2_419_200);
    const sessions = await stage.admin
      .with({ 'chorus-at-least': positionOf(answer) ?? '0' })
      .get(`/api/1/admin/interactive_prompt_sessions?interactive_prompt_uid=${Started.parse(answer.body).uid}`);
    expect(sessions.body).toMatchObject({
      items: [
        { uid: Started.parse(answer.body).session_uid, user_sub: 'u1', state: 'opened', origin_name: 'recorded' },
      ],
      next: null,
    });
  });

  test('[75] gets a new instance once four weeks are over, whose crowd begins at zero', async () => {
    const expiresAt = Date.now() / 1_000 + 3;
    const old = await startedBefore('four-weeks', expiresAt - fourWeeks, 75_001);
    const one = await started('four-weeks');
    expect(one.uid).toBe(old);
    await stage.existing(old).visitTo(stage.person('u1'), one).join(0);

    await sleep(expiresAt * 1_000 - Date.now() + 10);
    const next = await start('four-weeks', 'u2');
    const { uid } = Started.parse(next.body);
    expect(uid).not.toBe(old);
    expect((await stage.existing(uid).stats(0)).users).toBe(0);
    const newest = await instancesOf('four-weeks', positionOf(next), '?limit=1');
    expect(newest.items).toMatchObject([{ interactive_prompt_uid: uid, reason: 'expired' }]);
    const before = await instancesOf('four-weeks', null, `?before=${newest.next ?? ''}`);
    expect(before.items).toMatchObject([{ interactive_prompt_uid: old, reason: 'first', expires_at: expiresAt }]);
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
