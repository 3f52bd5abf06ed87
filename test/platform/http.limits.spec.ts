import { describe, expect, test } from '@jest/globals';
import { aShell, bearer, type Shell } from './a-shell.js';

async function limited(perMinute: string, body: (shell: Shell) => Promise<void>, more = {}): Promise<void> {
  const shell = await aShell({ RATE_LIMIT_PER_MINUTE: perMinute, ...more });
  try {
    await body(shell);
  } finally {
    await shell.app.close();
  }
}

const statusFor = async ({ app }: Shell, headers: Record<string, string>, remoteAddress = '10.0.0.1') =>
  (await app.inject({ method: 'POST', url: '/words/noop', headers, remoteAddress })).statusCode;

describe('the rate limit', () => {
  test('tells who asks too often when to come back', () =>
    limited('2', async (shell) => {
      const ada = bearer('ada');
      expect([await statusFor(shell, ada), await statusFor(shell, ada)]).toEqual([201, 201]);
      const answer = await shell.app.inject({ method: 'POST', url: '/words/noop', headers: ada });
      expect(answer.statusCode).toBe(429);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.json()).toMatchObject({ type: 'too_many_requests', status: 429 });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(60);
    }));

  test('counts people apart, also behind one address', () =>
    limited('1', async (shell) => {
      expect([await statusFor(shell, bearer('ada')), await statusFor(shell, bearer('grace'))]).toEqual([201, 201]);
      expect(await statusFor(shell, bearer('ada'))).toBe(429);
    }));

  test('counts one person as one, whatever token and address they use', () =>
    limited('1', async (shell) => {
      expect(await statusFor(shell, bearer('ada'), '10.0.0.1')).toBe(201);
      expect(await statusFor(shell, bearer('ada', { lifeSeconds: 99 }), '10.0.0.2')).toBe(429);
    }));

  test('counts those without a valid token by their address', () =>
    limited('1', async (shell) => {
      expect(await statusFor(shell, {}, '10.0.0.1')).toBe(401);
      expect(await statusFor(shell, { authorization: 'bearer forged' }, '10.0.0.1')).toBe(429);
      expect(await statusFor(shell, {}, '10.0.0.2')).toBe(401);
    }));

  test('believes a trusted proxy, and nobody else, about who is asking', () =>
    limited(
      '1',
      async (shell) => {
        const from = (forwarded: string, remoteAddress: string) =>
          statusFor(shell, { 'x-forwarded-for': forwarded }, remoteAddress);
        expect(await from('203.0.113.7', '10.0.0.1')).toBe(401);
        expect(await from('203.0.113.8', '10.0.0.2')).toBe(401);
        // Through two proxies, and with a lie in front: the nearest stranger counts.
        expect(await from('203.0.113.9, 203.0.113.7, 10.0.0.3', '::ffff:10.0.0.1')).toBe(429);
        expect(await from('', '10.0.0.1')).toBe(401);
        expect(await from('203.0.113.10', '198.51.100.1')).toBe(401);
        expect(await from('203.0.113.11', '198.51.100.1')).toBe(429);
      },
      { TRUSTED_PROXIES: '10.0.0.0/8, ::1' },
    ));

  test('keeps nobody from a person whose name is an address', () =>
    limited('1', async (shell) => {
      expect(await statusFor(shell, bearer('10.0.0.1'))).toBe(201);
      expect(await statusFor(shell, {}, '10.0.0.1')).toBe(401);
    }));

  test('spares those who watch over the program', () =>
    limited('1', async ({ app }) => {
      for (const url of ['/health/live', '/health/ready', '/metrics', '/health/live', '/health/ready', '/metrics']) {
        expect((await app.inject({ url })).statusCode).toBe(200);
      }
    }));

  test('can be switched off', () =>
    limited('0', async (shell) => {
      for (let count = 0; count < 5; count += 1) expect(await statusFor(shell, bearer('ada'))).toBe(201);
    }));
});
