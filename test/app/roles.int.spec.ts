import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { z } from 'zod';
import { AppModule } from '../../src/app/app.module.js';
import { issueUserToken } from '../../src/platform/auth/tokens.js';
import { readConfig } from '../../src/platform/config/config.js';
import { createHttp } from '../../src/platform/http/http.js';
import { createLog } from '../../src/platform/telemetry/log.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';

const secrets = {
  OSEH_ID_TOKEN_SECRET: 'a secret for people in tests',
  OSEH_INTERACTIVE_PROMPT_JWT_SECRET: 'a secret for prompts in tests',
  OSEH_JOURNEY_JWT_SECRET: 'a secret for journeys in tests',
  OSEH_IMAGE_FILE_JWT_SECRET: 'a secret for images in tests',
};
const authorization = `bearer ${issueUserToken(secrets.OSEH_ID_TOKEN_SECRET, { sub: 'ada', admin: true })}`;

let database: TestDatabase;
const running = new Set<NestFastifyApplication>();
beforeAll(async () => {
  database = await aDatabase({ connectionsMax: 20 });
});
afterEach(async () => {
  await Promise.all([...running].map((app) => app.close()));
  running.clear();
});
afterAll(() => database.close());

async function aProgram(role: 'all' | 'api' | 'worker'): Promise<NestFastifyApplication> {
  const config = { ...readConfig({ CHORUS_ROLE: role, LOG_LEVEL: 'error', READ_WAIT_MS_MAX: '4000' }), ...secrets };
  const log = createLog({ level: config.LOG_LEVEL });
  const app = await createHttp(AppModule.forRoot({ config, database: database.database, log }), config, log);
  await app.init();
  running.add(app);
  return app;
}

const create = (app: NestFastifyApplication) =>
  app.inject({
    method: 'POST',
    url: '/api/1/admin/interactive_prompts',
    headers: { authorization },
    payload: { prompt: { style: 'press', text: 'Press' }, duration_seconds: 10 },
  });

const counts = async (app: NestFastifyApplication, created: Awaited<ReturnType<typeof create>>) => {
  const { uid } = z.object({ uid: z.string() }).parse(created.json());
  const url = `/api/1/interactive_prompts/events/counts?uid=${uid}`;
  const position = String(created.headers['chorus-position']);
  return app.inject({ url, headers: { authorization, 'chorus-at-least': position } });
};

const parts = async (app: NestFastifyApplication) => {
  const answer = await app.inject({ url: '/health/ready' });
  const { parts: found } = z.object({ parts: z.array(z.object({ part: z.string() })) }).parse(answer.json());
  return [answer.statusCode, found.map(({ part }) => part).sort()];
};

describe('a program with every role', () => {
  test('answers a command, and then a read that has seen it', async () => {
    const app = await aProgram('all');
    const created = await create(app);
    expect(created.statusCode).toBe(201);
    expect((await counts(app, created)).statusCode).toBe(200);
  });

  test('is ready when all its parts are', async () => {
    expect(await parts(await aProgram('all'))).toEqual([
      200,
      ['database', 'log', 'processes', 'projections', 'self-check', 'tail'],
    ]);
  });
});

describe('an api beside a worker', () => {
  test('reads what the worker projects of its commands', async () => {
    const [api] = [await aProgram('api'), await aProgram('worker')];
    const created = await create(api);
    expect((await counts(api, created)).statusCode).toBe(200);
  });

  test('is ready without a part that projects', async () => {
    expect(await parts(await aProgram('api'))).toEqual([200, ['database', 'log', 'tail']]);
  });
});

describe('a worker', () => {
  test('serves its health and nothing else', async () => {
    const worker = await aProgram('worker');
    expect(await parts(worker)).toEqual([200, ['database', 'log', 'processes', 'projections', 'self-check', 'tail']]);
    expect((await worker.inject({ url: '/metrics' })).body).toContain('chorus_log_head');
    expect((await create(worker)).statusCode).toBe(404);
  });
});
