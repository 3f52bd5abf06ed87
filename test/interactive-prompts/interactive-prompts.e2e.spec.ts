import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createDecoder } from 'fast-jwt';
import { z } from 'zod';
import { aStage, type Answer, type APrompt, Problem, type Stage, Started, type Visit, words } from './a-stage.js';

let stage: Stage;
/** What takes its time goes on while the other tests run: a read of the future, and a prompt of one second that nobody leaves. */
let early: Promise<Answer>;
let brief: { readonly prompt: APrompt; readonly stay: Visit };
beforeAll(async () => {
  stage = await aStage();
  const prompt = await stage.prompt(1);
  const stay = await joined(prompt, u1, 1);
  expect((await prompt.stats(0)).users).toBe(1);
  brief = { prompt, stay };
  const holder = stage.stranger.with({ authorization: `bearer ${prompt.jwt}`, 'chorus-at-least': '1000000' });
  early = holder.get(`/api/1/interactive_prompts/events/stats?uid=${prompt.uid}&bin=0`);
});
afterAll(() => stage.stop());

const [u1, u2] = ['u1', 'u2'] as const;

async function joined(prompt: APrompt, sub: string, promptTime: number): Promise<Visit> {
  const visit = await prompt.visit(stage.person(sub));
  await visit.join(promptTime);
  return visit;
}

describe('reading', () => {
  test('after a command sees it, if it names the command’s position', async () => {
    const w15 = await stage.prompt(15);
    const s1 = await joined(w15, u1, 0);
    const holder = stage.stranger.with({ authorization: `bearer ${w15.jwt}` });
    for (let likes = 1; likes <= 20; likes += 1) {
      const position = (await s1.like(likes / 2)).headers.get('chorus-position') ?? 'none';
      const path = `/api/1/interactive_prompts/events/stats?uid=${w15.uid}&bin=14&at_least=${position}`;
      expect(await holder.get(path)).toMatchObject({ status: 200, body: { likes } });
    }
  });

  test('what lies in the future is answered with how far away it is', async () => {
    expect(await early).toMatchObject({ status: 425, body: { type: 'not_there_yet', lag: expect.any(Number) } });
  });
});

describe('an event', () => {
  test('is answered as it happened', async () => {
    const w15 = await stage.prompt(15);
    const s1 = await w15.visit(stage.person(u1, { givenName: 'Ada' }));
    const { session_uid } = s1.started;
    const common = { uid: expect.stringMatching(/^oseh_ipe_[\w-]{22}$/), user_sub: u1, session_uid, icon: null };
    expect(await s1.join(0.25)).toMatchObject({
      status: 201,
      body: { ...common, type: 'join', prompt_time: 0.25, data: { name: 'Ada' } },
    });
    expect(await s1.like(1.5)).toMatchObject({
      status: 201,
      body: { ...common, type: 'like', prompt_time: 1.5, data: {} },
    });
    expect(await s1.by(stage.person(u1)).leave(9)).toMatchObject({
      status: 201,
      body: { ...common, type: 'leave', prompt_time: 9, data: { name: 'Anonymous' } },
    });
  });

  test('[38] [43] begins and ends a session once', async () => {
    const w15 = await stage.prompt(15);
    const s1 = await joined(w15, u1, 0);
    expect(await s1.join(0)).toMatchObject({ status: 409, body: { type: 'session_already_started' } });
    expect(await s1.join(1)).toMatchObject({ status: 409, body: { type: 'session_already_started' } });
    expect((await w15.stats(14)).users).toBe(1);
    await s1.leave(3);
    expect(await s1.join(5)).toMatchObject({ status: 409, body: { type: 'session_already_started' } });
    expect(await s1.leave(4)).toMatchObject({ status: 409, body: { type: 'session_already_ended' } });
    expect(await s1.like(3)).toMatchObject({ status: 409, body: { type: 'session_already_ended' } });
  });

  test('[40] [41] keeps the order of its session', async () => {
    const w15 = await stage.prompt(15);
    const s1 = await w15.visit(stage.person(u1));
    expect(await s1.like(0)).toMatchObject({ status: 409, body: { type: 'session_not_started' } });
    await s1.join(2.9);
    expect(await s1.like(2.9)).toMatchObject({ status: 201 });
    expect(await s1.like(2.5)).toMatchObject({ status: 409, body: { type: 'session_has_later_event' } });
    expect(await s1.leave(2.9)).toMatchObject({ status: 201 });
  });

  test('[48] happens in one’s own session: another person’s looks like a missing one', async () => {
    const w15 = await stage.prompt(15);
    const other = await stage.prompt(15);
    const s1 = await joined(w15, u1, 0);
    const foreign = await s1.by(stage.person(u2)).like(1);
    const missing = await s1.like(1, { session_uid: `oseh_ips_${'0'.repeat(22)}` });
    const elsewhere = await s1.like(1, { interactive_prompt_uid: other.uid, interactive_prompt_jwt: other.jwt });
    for (const answer of [foreign, missing, elsewhere]) {
      expect(answer).toMatchObject({ status: 409, body: { type: 'session_not_found' } });
    }
    expect(Problem.parse(foreign.body)).toEqual(Problem.parse(missing.body));
    expect((await w15.stats(14)).likes).toBe(0);
  });

  test('[50] asked for twice at once happens once', async () => {
    const w15 = await stage.prompt(15);
    const s1 = await joined(w15, u1, 0);
    const answers = await Promise.all([s1.like(3), s1.like(3)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect(answers.find(({ status }) => status === 409)).toMatchObject({
      body: { type: 'session_has_same_event_at_same_time' },
    });
    expect((await w15.stats(14)).likes).toBe(1);
  });

  test('[50] asked for again with its key gets its first answer', async () => {
    const w15 = await stage.prompt(15);
    const s1 = await joined(w15, u1, 0);
    const once = s1.by(stage.person(u1).with({ 'idempotency-key': 'like-at-three' }));
    const atOnce = await Promise.all([once.like(3), once.like(3)]);
    const later = await once.like(3);
    for (const answer of [...atOnce, later]) {
      expect(answer).toMatchObject({ status: 201, body: atOnce[0].body });
      expect(answer.headers.get('chorus-position')).toBe(later.headers.get('chorus-position'));
    }
    expect((await w15.stats(14)).likes).toBe(1);
    expect((await once.like(4)).status).not.toBe(201);
  });

  test('[51] of joining happens once, however many ask', async () => {
    const w15 = await stage.prompt(15);
    const start = { interactive_prompt_uid: w15.uid };
    const started = await stage.person(u1).post('/api/1/interactive_prompts/start', start);
    const s1 = w15.visitTo(stage.person(u1), Started.parse(started.body));
    const joinedBefore = await joinsEver(started);
    const answers = await Promise.all(Array.from({ length: 8 }, () => s1.join(0)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    const refused = answers.filter(({ status }) => status !== 201);
    for (const answer of refused)
      expect(answer).toMatchObject({ status: 409, body: { type: 'session_already_started' } });
    expect((await w15.stats(0)).users).toBe(1);
    // Whatever comes after all eight has seen whatever any of them did.
    expect(await joinsEver(await s1.like(1))).toBe(joinedBefore + 1);
  });
});

describe('a session that nobody began', () => {
  const open = async (
    prompt: APrompt,
    changes: object = { reuse_unstarted: true },
    sub: string = u1,
  ): Promise<Started> => Started.parse((await ask(prompt, changes, sub)).body);
  const ask = (prompt: APrompt, changes: object = { reuse_unstarted: true }, sub: string = u1): Promise<Answer> =>
    stage.person(sub).post('/api/1/interactive_prompts/start', { interactive_prompt_uid: prompt.uid, ...changes });
  /** A new one. A read model proposes it to whoever would take it, so this waits until that has seen it. */
  const opened = async (prompt: APrompt): Promise<Started> => {
    const answer = await ask(prompt, {});
    const reader = stage.admin.with({ 'chorus-at-least': answer.headers.get('chorus-position') ?? '' });
    await reader.get(`/api/1/admin/interactive_prompt_sessions?limit=1`);
    return Started.parse(answer.body);
  };

  test('is what the same person gets who says that it will do, the newest of several', async () => {
    const prompt = await stage.prompt(15);
    await opened(prompt);
    const newest = await opened(prompt);
    expect((await open(prompt)).session_uid).toBe(newest.session_uid);
    expect((await open(prompt, undefined, 'somebody-else')).session_uid).not.toBe(newest.session_uid);
    expect((await open(prompt, {})).session_uid).not.toBe(newest.session_uid);
    expect(await prompt.visitTo(stage.person(u1), await open(prompt)).join(0)).toMatchObject({ status: 201 });
  });

  test('is nobody’s any more the moment that it is joined, even if no read model knows', async () => {
    const prompt = await stage.prompt(15);
    const first = await opened(prompt);
    expect((await open(prompt)).session_uid).toBe(first.session_uid);
    await prompt.visitTo(stage.person(u1), first).join(0);
    expect((await open(prompt)).session_uid).not.toBe(first.session_uid);
  });

  test('is not given out in a prompt that was deleted', async () => {
    const prompt = await stage.prompt(15);
    const first = await opened(prompt);
    expect((await open(prompt)).session_uid).toBe(first.session_uid);
    await stage.admin.delete(`/api/1/admin/interactive_prompts/${prompt.uid}`);
    expect(await ask(prompt)).toMatchObject({ status: 404, body: { type: 'not_found' } });
  });
});

/** What the statistics say once they have seen what was answered. */
async function joinsEver({ headers }: Answer): Promise<number> {
  const reader = stage.admin.with({ 'chorus-at-least': headers.get('chorus-position') ?? '' });
  const { body } = await reader.get('/api/1/admin/total_interactive_prompt_sessions');
  return z.object({ value: z.int() }).parse(body).value;
}

const Token = z.object({
  header: z.object({ alg: z.string() }),
  payload: z.object({ sub: z.string(), iss: z.string(), aud: z.string(), iat: z.number(), exp: z.number() }),
});

describe('tokens and mistakes', () => {
  test('[54] [55] the prompt’s token comes first, and names the prompt', async () => {
    const w15 = await stage.prompt(15);
    const other = await stage.prompt(15);
    const s1 = (await w15.visit(stage.person(u1))).by(stage.stranger);
    const expired = stage.promptJwt(w15.uid, { at: new Date(Date.now() - 1_801_000) });
    const cases = [
      [{ interactive_prompt_jwt: `bearer ${w15.jwt}` }, 401, 'bad_format'],
      [{ interactive_prompt_jwt: other.jwt }, 403, 'invalid'],
      [{ interactive_prompt_jwt: expired }, 403, 'invalid'],
      [{ interactive_prompt_jwt: 'nonsense' }, 403, 'invalid'],
      [{}, 401, 'not_set'],
    ] as const;
    for (const [changes, status, type] of cases) {
      expect(await s1.join(0, changes)).toMatchObject({ status, body: { type } });
    }
    const nobody = s1.by(stage.stranger.with({ authorization: 'Basic abc' }));
    expect(await nobody.join(0)).toMatchObject({ status: 401, body: { type: 'bad_format' } });
    const impostor = s1.by(stage.stranger.with({ authorization: `bearer ${w15.jwt}` }));
    expect(await impostor.join(0)).toMatchObject({ status: 403, body: { type: 'invalid' } });
  });

  test('[55] a token is good for half an hour, a second back to the second', async () => {
    const w15 = await stage.prompt(15);
    const decode = createDecoder({ complete: true });
    const { header, payload } = Token.parse(decode(w15.jwt));
    expect(header.alg).toBe('HS256');
    expect(payload).toMatchObject({ sub: w15.uid, iss: 'oseh', aud: 'oseh-interactive-prompt' });
    expect(payload.exp - payload.iat).toBe(1_801);
    expect(Math.abs(payload.iat + 1 - Date.now() / 1_000)).toBeLessThan(5);
  });

  test('a malformed event is told where', async () => {
    const w15 = await stage.prompt(15);
    const s1 = await w15.visit(stage.person(u1));
    for (const changes of [{ prompt_time: 'now' }, { session_uid: 7 }, { data: null }, { interactive_prompt_jwt: 7 }]) {
      const [field] = Object.keys(changes);
      expect(await s1.join(0, changes)).toMatchObject({
        status: 422,
        body: { errors: [{ in: 'body', path: `/${String(field)}` }] },
      });
    }
  });

  test('of several mistakes the first of the contract is named', async () => {
    const w15 = await stage.prompt(15);
    const s1 = await joined(w15, u1, 0);
    await s1.like(5);
    await s1.leave(6);
    const gone = `oseh_ip_${'0'.repeat(22)}`;
    const nowhere = { interactive_prompt_uid: gone, interactive_prompt_jwt: stage.promptJwt(gone) };
    const foreign = s1.by(stage.person(u2));
    const cases = [
      ['a time before the beginning, before a missing prompt', s1.like(-1, nowhere), 409, 'impossible_prompt_time'],
      ['but a missing prompt first when joining', s1.join(-1, nowhere), 404, 'not_found'],
      ['a missing prompt before its missing session', s1.like(1, nowhere), 404, 'not_found'],
      ['a time after the end, before a foreign session', foreign.like(15.1), 409, 'impossible_prompt_time'],
      ['a time after the end, before an ended session', s1.like(15.1), 409, 'impossible_prompt_time'],
      ['a foreign session before an ended one', foreign.like(7), 409, 'session_not_found'],
      ['a started session before an ended one', s1.join(7), 409, 'session_already_started'],
      ['an ended session before a later event', s1.like(4), 409, 'session_already_ended'],
    ] as const;
    for (const [name, asked, status, type] of cases) {
      expect({ name, ...(await asked) }).toMatchObject({ name, status, body: { type } });
    }
  });

  test('statistics are for whoever holds the prompt’s token', async () => {
    const w15 = await stage.prompt(15);
    const path = `/api/1/interactive_prompts/events/stats?uid=${w15.uid}&bin=0`;
    const holding = (jwt: string) => stage.stranger.with({ authorization: `bearer ${jwt}` });
    const gone = `oseh_ip_${'0'.repeat(22)}`;
    expect(await stage.stranger.get(path)).toMatchObject({ status: 401, body: { type: 'not_set' } });
    expect(await stage.person(u1).get(path)).toMatchObject({ status: 403, body: { type: 'invalid' } });
    expect(await holding(stage.promptJwt(gone)).get(path)).toMatchObject({ status: 403, body: { type: 'invalid' } });
    const missing = path.replace(w15.uid, gone);
    expect(await holding(stage.promptJwt(gone)).get(missing)).toMatchObject({
      status: 404,
      body: { type: 'interactive_prompt_not_found' },
    });
  });
});

describe('a prompt', () => {
  const create = (person = stage.admin, body: object = { prompt: words, duration_seconds: 15 }) =>
    person.post('/api/1/admin/interactive_prompts', body);

  test('is created by an administrator, once per key', async () => {
    const once = stage.admin.with({ 'idempotency-key': 'create-once' });
    const [first, again] = [await create(once), await create(once)];
    expect(first).toMatchObject({
      status: 201,
      body: { uid: expect.stringMatching(/^oseh_ip_[\w-]{22}$/), prompt: words, duration_seconds: 15 },
    });
    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(await create(stage.person(u1))).toMatchObject({ status: 403 });
    expect(await create(stage.stranger)).toMatchObject({ status: 401 });
  });

  test.each([
    ['a style that there is not', { prompt: { style: 'x', text: 'y' }, duration_seconds: 15 }],
    ['text that the log cannot keep', { prompt: { ...words, text: 'a\0b' }, duration_seconds: 15 }],
    ['no time', { prompt: words, duration_seconds: 0 }],
    ['half a second', { prompt: words, duration_seconds: 1.5 }],
  ])('cannot have %s', async (_, body) => {
    expect(await create(stage.admin, body)).toMatchObject({ status: 422 });
  });

  test('keeps text that is not ASCII', async () => {
    const prompt = { style: 'press', text: 'What’s next? 😌' };
    const created = await create(stage.admin, { prompt, duration_seconds: 10 });
    expect(created).toMatchObject({ status: 201, body: { prompt } });
  });

  test('[53] that was deleted takes no new sessions, and lets those that run finish', async () => {
    const w15 = await stage.prompt(15);
    const s1 = await joined(w15, u1, 0);
    const path = `/api/1/admin/interactive_prompts/${w15.uid}`;
    expect(await stage.person(u1).delete(path)).toMatchObject({ status: 403 });
    expect(await stage.admin.delete(path)).toMatchObject({ status: 204 });
    expect(await stage.admin.delete(path)).toMatchObject({ status: 204 });
    const start = { interactive_prompt_uid: w15.uid };
    expect(await stage.person(u2).post('/api/1/interactive_prompts/start', start)).toMatchObject({
      status: 404,
      body: { type: 'not_found' },
    });
    expect(await s1.like(2)).toMatchObject({ status: 201 });
    expect((await w15.stats(14)).likes).toBe(1);
  });
});

describe('starting', () => {
  const start = (person = stage.person(u1), uid = `oseh_ip_${'0'.repeat(22)}`) =>
    person.post('/api/1/interactive_prompts/start', { interactive_prompt_uid: uid });

  test('[74] makes a session of one’s own in the same prompt', async () => {
    const w15 = await stage.prompt(15);
    const [one, other] = [await start(stage.person(u1), w15.uid), await start(stage.person(u2), w15.uid)];
    expect(one).toMatchObject({ status: 201, body: { uid: w15.uid, prompt: words, duration_seconds: 15 } });
    expect(Started.parse(one.body).session_uid).not.toBe(Started.parse(other.body).session_uid);
    expect((await w15.stats(14)).users).toBe(0);
  });

  test('is answered as before when it is asked for again with its key', async () => {
    const w15 = await stage.prompt(15);
    const once = stage.person(u1).with({ 'idempotency-key': 'start-once' });
    const answers = await Promise.all([start(once, w15.uid), start(once, w15.uid)]);
    const later = await start(once, w15.uid);
    for (const answer of answers) expect(answer).toMatchObject({ status: 201, body: later.body });
    expect(await start(once.with({ 'idempotency-key': 'start-twice' }), w15.uid)).not.toMatchObject({
      body: later.body,
    });
  });

  test('needs a prompt, and somebody', async () => {
    expect(await start()).toMatchObject({ status: 404, body: { type: 'not_found' } });
    expect(await start(stage.stranger)).toMatchObject({ status: 401, body: { type: 'not_set' } });
  });
});

describe('a session that nobody leaves', () => {
  test('[20] is over a little after the prompt is', async () => {
    const { prompt, stay } = brief;
    await expect(usersOf(prompt)).resolves.toBe(0);
    expect(await stay.leave(1)).toMatchObject({ status: 409, body: { type: 'session_already_ended' } });
    expect(await prompt.counts()).toEqual({ 1: 2 });
  });

  /** Waits as long as the grace and the clock may need. */
  async function usersOf(prompt: APrompt): Promise<number> {
    for (const endsAt = Date.now() + 12_000; Date.now() < endsAt;) {
      const { users } = await prompt.stats(0);
      if (users === 0) return users;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return (await prompt.stats(0)).users;
  }
});
