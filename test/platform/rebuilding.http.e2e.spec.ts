import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { startProgram, type Program } from '../../src/app/program.js';
import { issueUserToken } from '../../src/platform/auth/tokens.js';
import { readConfig } from '../../src/platform/config/config.js';
import { RebuildProgress } from '../../src/platform/rebuilding/rebuild-progress.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { eventually } from '../support/eventually.js';

const secret = 'a secret for people in tests';
let testing: TestDatabase;
let program: Program;

beforeAll(async () => {
  testing = await aDatabase();
  program = await startProgram(
    readConfig({ DATABASE_URL: testing.url, PORT: '0', LOG_LEVEL: 'error', OSEH_ID_TOKEN_SECRET: secret }),
  );
  const prompt = { style: 'word', text: 'How do you feel?', options: ['calm', 'fine'] };
  expect((await asAdmin('POST', 'interactive_prompts', { prompt, duration_seconds: 30 })).status).toBe(201);
});

afterAll(async () => {
  await program.stop();
  await testing.close();
});

type Who = 'admin' | 'user' | 'stranger';

function ask(who: Who, method: string, path: string, body?: object, signal?: AbortSignal): Promise<Response> {
  const token = issueUserToken(secret, { sub: 'ada', admin: who === 'admin' });
  return fetch(new URL(`/api/1/admin/${path}`, program.url), {
    method,
    headers: {
      ...(who !== 'stranger' && { authorization: `bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal !== undefined && { signal }),
  });
}

const asAdmin = (method: string, path: string, body?: object) => ask('admin', method, path, body);
const Standing = z.looseObject({ rebuild: RebuildProgress.nullable(), live: z.object({ schema: z.string() }) });
const standing = async (name: string) => Standing.parse(await (await asAdmin('GET', `projections/${name}`)).json());
const reaches = (name: string, state: string) =>
  eventually(async () => expect((await standing(name)).rebuild).toMatchObject({ state, problem: null }), 8_000);

const routes = [
  ['GET', 'projections'],
  ['GET', 'projections/event_counts'],
  ['GET', 'rebuilds/progress'],
  ...['plan', 'rebuild', 'verify', 'switch', 'rollback', 'abort', 'retire', 'pause', 'resume'].map(
    (order) => ['POST', `projections/event_counts/${order}`] as const,
  ),
] as const;

describe('the routes for operators', () => {
  test.each(routes)('%s %s is for administrators only', async (method, path) => {
    const body = method === 'POST' ? {} : undefined;
    expect((await ask('stranger', method, path, body)).status).toBe(401);
    expect((await ask('user', method, path, body)).status).toBe(403);
  });

  test('tell what there is, and what a rebuild would cost', async () => {
    const all = z.array(Standing).parse(await (await asAdmin('GET', 'projections')).json());
    expect(all.map(({ live }) => live.schema)).toContain('event_counts_v2');
    const plan = await asAdmin('POST', 'projections/person_sessions/plan');
    expect(plan.status).toBe(200);
    expect(await plan.json()).toMatchObject({ events: 0, bytes: 0 });
  });

  test('lead a rebuild from its beginning to its end', async () => {
    const asked = await asAdmin('POST', 'projections/event_counts/rebuild', { together_with: ['prefix_sums'] });
    expect(asked.status).toBe(202);
    expect(z.array(RebuildProgress).parse(await asked.json())).toHaveLength(2);
    await reaches('event_counts', 'ready');
    await reaches('prefix_sums', 'ready');
    expect((await asAdmin('POST', 'projections/event_counts/verify')).status).toBe(202);
    await reaches('event_counts', 'ready');
    const misspelt = await asAdmin('POST', 'projections/event_counts/switch', { expect: ['event_counts.totl'] });
    expect(misspelt.status).toBe(409);
    expect((await asAdmin('POST', 'projections/event_counts/switch', { expect: ['event_counts.total'] })).status).toBe(
      202,
    );
    await reaches('event_counts', 'switched');
    expect((await standing('event_counts')).live.schema).toBe('event_counts_v2_2');
    expect((await asAdmin('POST', 'projections/event_counts/rollback')).status).toBe(202);
    await reaches('event_counts', 'rolled_back');
    expect((await standing('event_counts')).live.schema).toBe('event_counts_v2');
    expect((await asAdmin('POST', 'projections/event_counts/retire')).status).toBe(202);
    expect((await asAdmin('POST', 'projections/prefix_sums/abort')).status).toBe(202);
    await reaches('prefix_sums', 'aborted');
  });

  test('pause and resume a read model', async () => {
    const paused = async () => (await asAdmin('GET', 'projections/active_users')).json();
    expect((await asAdmin('POST', 'projections/active_users/pause', {})).status).toBe(204);
    expect(await paused()).toMatchObject({ live: { paused: true } });
    expect((await asAdmin('POST', 'projections/active_users/resume')).status).toBe(204);
    expect(await paused()).toMatchObject({ live: { paused: false } });
  });

  test('refuse what makes no sense, in a sentence', async () => {
    const unknown = await asAdmin('POST', 'projections/event_cuonts/rebuild', {});
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({
      type: 'not_found',
      message: expect.stringContaining('There is no projection event_cuonts; there are active_users,'),
    });
    const nothing = await asAdmin('POST', 'projections/active_users/switch', {});
    expect(nothing.status).toBe(409);
    expect(await nothing.json()).toMatchObject({ message: 'active_users is not being rebuilt.' });
    expect((await asAdmin('POST', 'projections/active_users/rebuild', { throttle: 0 })).status).toBe(422);
  });
});

describe('the stream of server-sent events', () => {
  test('tells every step of a rebuild', async () => {
    const leaving = new AbortController();
    const response = await ask('admin', 'GET', 'rebuilds/progress', undefined, leaving.signal);
    expect(response.headers.get('content-type')).toMatch('text/event-stream');
    await asAdmin('POST', 'projections/join_statistics/rebuild', { switch: true });
    const states = new Set<string>();
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      for (const [, data] of text.matchAll(/event: progress\ndata: (.*)\n\n/g)) {
        const progress = RebuildProgress.parse(JSON.parse(data ?? ''));
        if (progress.projection === 'join_statistics') states.add(progress.state);
      }
      if (states.has('switched')) break;
    }
    leaving.abort();
    expect(states).toContain('switched');
    const reached = Object.keys((await standing('join_statistics')).rebuild?.steps ?? {});
    expect(reached).toEqual(['planned', 'replaying', 'catching_up', 'indexing', 'verifying', 'ready', 'switched']);
  });
});
