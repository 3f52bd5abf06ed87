import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLog } from '../../src/platform/telemetry/log.js';
import { HealthChecks } from '../../src/platform/telemetry/health.js';
import { Metrics } from '../../src/platform/telemetry/metrics.js';
import { NestLog } from '../../src/platform/telemetry/nest-log.js';
import { aShell, bearer, type Shell } from './a-shell.js';

let shell: Shell;
beforeAll(async () => {
  shell = await aShell();
});
afterAll(() => shell.app.close());

const say = (word: string, headers: Record<string, string> = {}) =>
  shell.app.inject({
    method: 'POST',
    url: '/words?note=private',
    headers: { ...bearer(), ...headers },
    payload: { word, second: 1 },
  });
const numbers = async () => (await shell.app.inject({ url: '/metrics' })).body;

describe('a line in the log', () => {
  test('tells the facts of a request', async () => {
    const answer = await say('hello', { 'x-correlation-id': 'c-1' });
    expect(shell.lines().filter(({ requestId }) => requestId === answer.headers['x-request-id'])).toEqual([
      expect.objectContaining({
        level: 'info',
        message: 'request',
        method: 'POST',
        route: '/words',
        status: 201,
        ms: expect.any(Number),
        correlationId: 'c-1',
        actor: 'ada',
      }),
    ]);
  });

  test('holds nothing that a person wrote, and no token', async () => {
    const headers = bearer('ada');
    await say('confession', headers);
    await shell.app.inject({ url: '/words?starting=confession', headers });
    await shell.app.inject({ url: '/words/confession/nowhere', headers });
    expect(shell.logged()).not.toContain('confession');
    expect(shell.logged()).not.toContain('private');
    expect(shell.logged()).not.toContain(headers.authorization.slice('bearer '.length));
  });

  test('is not written about probes', async () => {
    const before = shell.lines().length;
    await shell.app.inject({ url: '/health/live' });
    await shell.app.inject({ url: '/metrics' });
    expect(shell.lines()).toHaveLength(before);
  });
});

describe('the log', () => {
  const written = (write: (log: ReturnType<typeof createLog>) => void, level = 'trace'): string => {
    let all = '';
    write(createLog({ level }, { write: (line) => (all += line) }));
    return all;
  };

  test('hides secrets that somebody logs by mistake', () => {
    const secret = 'eyJ-secret';
    const line = written((log) => {
      log.info({ authorization: secret, token: secret, headers: { authorization: secret, cookie: secret } }, 'oops');
      log.info({ req: { headers: { authorization: secret } }, body: { interactive_prompt_jwt: secret } }, 'oops');
    });
    expect(line).toContain('[secret]');
    expect(line).not.toContain(secret);
  });

  test('names an error and its causes, but not what a driver hung on it', () => {
    const cause = Object.assign(new Error('inner'), { code: '23505', detail: 'Key (word)=(confession)' });
    const err = Object.assign(new Error('outer', { cause }), { query: 'insert', parameters: ['confession'] });
    const line: unknown = JSON.parse(written((log) => log.error({ err }, 'failed')));
    expect(line).toMatchObject({
      err: { type: 'Error', message: 'outer', cause: { message: 'inner', code: '23505' } },
    });
    expect(JSON.stringify(line)).not.toContain('confession');
  });

  test('takes what the framework has to say', () => {
    const lines = written((log) => {
      const nest = new NestLog(log);
      nest.warn('be careful', 'Router');
      nest.error(new Error('broken'), 'a stack', 'Router');
    })
      .trim()
      .split('\n');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', message: 'be careful', part: 'Router' });
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ level: 'error', err: { message: 'broken' }, part: 'Router' });
  });
});

describe('the numbers', () => {
  test('count requests by the pattern of their route', async () => {
    await shell.app.inject({ method: 'POST', url: '/words/one/loudly', headers: bearer() });
    await shell.app.inject({ method: 'POST', url: '/words/two/loudly', headers: bearer() });
    expect(await numbers()).toContain(
      'http_request_duration_seconds_count{method="POST",route="/words/:word/loudly",status="201"} 2',
    );
  });

  test('have no label that a caller can multiply', async () => {
    for (const path of ['/a', '/b', '/c?d=1']) await shell.app.inject({ url: path, headers: bearer() });
    const text = await numbers();
    expect(text).toContain('http_request_duration_seconds_count{method="GET",route="none",status="404"} ');
    expect(text).not.toContain('route="/a"');
    expect(text).not.toContain('ada');
  });

  test('come in the format of Prometheus, with those of the process', async () => {
    const answer = await shell.app.inject({ url: '/metrics' });
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.body).toContain('process_cpu_seconds_total');
  });

  test('include those of every part', async () => {
    const metrics = shell.app.get(Metrics);
    metrics.gauge({ name: 'lag', help: 'Lag.', labels: ['projection'] }, () =>
      Promise.resolve([{ labels: { projection: 'words' }, value: 3 }]),
    );
    metrics.gauge({ name: 'queued', help: 'Queued.' }, () => 5);
    metrics.counter({ name: 'things_total', help: 'Things.' }).inc();
    const text = await numbers();
    expect(text).toContain('lag{projection="words"} 3');
    expect(text).toContain('queued 5');
    expect(text).toContain('things_total 1');
  });
});

describe('readiness', () => {
  const ready = async (): Promise<[number, unknown]> => {
    const answer = await shell.app.inject({ url: '/health/ready' });
    return [answer.statusCode, answer.json()];
  };

  test('is lost when one part is not well, and tells which and why', async () => {
    const health = shell.app.get(HealthChecks);
    const takeOut = [
      health.add('database', () => ({ ok: true })),
      health.add('projections', () => Promise.resolve({ ok: false, why: 'words is behind', facts: { lag: 9 } })),
    ];
    expect(await ready()).toEqual([
      503,
      {
        ready: false,
        stopping: false,
        parts: [
          { part: 'database', ok: true },
          { part: 'projections', ok: false, why: 'words is behind', facts: { lag: 9 } },
        ],
      },
    ]);
    for (const take of takeOut) take();
    expect(await ready()).toEqual([200, { ready: true, stopping: false, parts: [] }]);
  });

  test('is lost when a check fails, without repeating what may be secret', async () => {
    const failure = Object.assign(new Error('password of db.internal'), { code: 'ECONNREFUSED' });
    const takeOut = shell.app.get(HealthChecks).add('log', () => Promise.reject(failure));
    expect(await ready()).toEqual([
      503,
      expect.objectContaining({ parts: [{ part: 'log', ok: false, why: 'Error ECONNREFUSED' }] }),
    ]);
    takeOut();
  });

  test('waits for no check for ever', async () => {
    const takeOut = shell.app.get(HealthChecks).add('stuck', () => new Promise(() => undefined));
    expect(await ready()).toEqual([
      503,
      expect.objectContaining({ parts: [{ part: 'stuck', ok: false, why: 'no answer within 2000 ms' }] }),
    ]);
    takeOut();
  });
});
