import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/platform/config/config.js';
import { aShell, bearer, type Shell } from './a-shell.js';

const ours = 'https://app.example.com';

describe('a page in a browser', () => {
  let shell: Shell;
  beforeAll(async () => (shell = await aShell({ CORS_ORIGINS: `${ours}, http://localhost:5173` })));
  afterAll(() => shell.app.close());

  const preflight = (origin: string) =>
    shell.app.inject({
      method: 'OPTIONS',
      url: '/words',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,idempotency-key,chorus-at-least',
      },
    });

  test('of a listed origin may send commands with every header that they take, and read where they are in the log', async () => {
    const asked = await preflight(ours);
    expect(asked.statusCode).toBe(204);
    expect(asked.headers).toMatchObject({
      'access-control-allow-origin': ours,
      'access-control-allow-methods': expect.stringContaining('POST'),
      'access-control-allow-headers': 'authorization,content-type,idempotency-key,chorus-at-least',
      vary: expect.stringContaining('Origin'),
    });
    const headers = { ...bearer(), origin: ours };
    const sent = await shell.app.inject({ method: 'POST', url: '/words', headers, payload: { word: 'hi', second: 1 } });
    expect(sent.statusCode).toBe(201);
    expect(sent.headers['access-control-allow-origin']).toBe(ours);
    expect(sent.headers['access-control-expose-headers']).toContain('chorus-position');
  });

  test('can read what went wrong, too', async () => {
    for (const [url, status] of [
      ['/words', 401],
      ['/nowhere', 404],
    ] as const) {
      const answer = await shell.app.inject({ method: 'POST', url, headers: { origin: ours } });
      expect(answer.statusCode).toBe(status);
      expect(answer.headers['access-control-allow-origin']).toBe(ours);
    }
  });

  test('of another origin is allowed nothing', async () => {
    expect((await preflight('https://evil.example')).headers['access-control-allow-origin']).toBeUndefined();
  });

  test('is allowed nothing where no origin is listed', async () => {
    const closed = await aShell();
    const answer = await closed.app.inject({ url: '/words/open', headers: { origin: ours } });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    await closed.app.close();
  });
});

test.each([
  ['CORS_ORIGINS', 'https://app.example.com/path'],
  ['CORS_ORIGINS', `${ours}, *`],
  ['TRUSTED_PROXIES', '10.0.0.0/33'],
  ['TRUSTED_PROXIES', 'proxy.example.com'],
])('%s is refused as %s', (name, value) => {
  expect(() => readConfig({ [name]: value })).toThrow(new RegExp(`${name} must be .* such as .*, with commas between`));
});
