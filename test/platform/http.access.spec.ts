import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Tokens } from '../../src/platform/auth/verification.js';
import { aShell, bearer, secrets, type Shell } from './a-shell.js';

let shell: Shell;
beforeAll(async () => {
  shell = await aShell();
});
afterAll(() => shell.app.close());

const key = new Tokens(secrets).issueKey('interactivePrompt', { sub: 'oseh_ip_0123456789012345678901' });

describe('a route that says nothing about access', () => {
  test.each([
    ['no token', {}, 401, 'not_set'],
    ['a malformed header', { authorization: 'token x' }, 401, 'bad_format'],
    ['a wrong token', { authorization: 'bearer x' }, 403, 'invalid'],
    ['an expired token', bearer('ada', { lifeSeconds: -1 }), 403, 'invalid'],
  ])('refuses %s', async (_, headers, status, type) => {
    const answer = await shell.app.inject({ method: 'POST', url: '/words/noop', headers });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject({ type, status });
  });

  test('asks for a token in the standard way', async () => {
    const answer = await shell.app.inject({ method: 'POST', url: '/words/noop' });
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });

  test('serves a person', async () => {
    const answer = await shell.app.inject({ method: 'POST', url: '/words/noop', headers: bearer() });
    expect(answer.statusCode).toBe(201);
  });

  test('refuses before it looks at the body', async () => {
    const answer = await shell.app.inject({ method: 'POST', url: '/words', payload: { word: 1 } });
    expect(answer.statusCode).toBe(401);
  });
});

describe('a route for administrators', () => {
  test.each([
    ['nobody', {}, 401, 'not_set'],
    ['a person', bearer(), 403, 'forbidden'],
  ])('refuses %s', async (_, headers, status, type) => {
    const answer = await shell.app.inject({ url: '/words/secret', headers });
    expect([answer.statusCode, answer.json()]).toEqual([status, expect.objectContaining({ type })]);
  });

  test('serves an administrator', async () => {
    const answer = await shell.app.inject({ url: '/words/secret', headers: bearer('ada', { admin: true }) });
    expect(answer.statusCode).toBe(200);
  });
});

describe('an open route', () => {
  test.each([
    ['nobody', {}],
    ['a wrong token', { authorization: 'bearer x' }],
  ])('serves %s', async (_, headers) => {
    expect((await shell.app.inject({ url: '/words/open', headers })).statusCode).toBe(200);
  });
});

describe('a route that judges tokens itself', () => {
  const sent = (jwt: string, headers: Record<string, string> = {}) =>
    shell.app.inject({ method: 'POST', url: '/words/prompted', headers, payload: { jwt } });

  test.each([
    ['a prefix in the body', { jwt: `bearer ${key}` }, { status: 401, type: 'bad_format' }],
    ['a wrong key before a missing person', { jwt: 'x' }, { status: 403, type: 'invalid' }],
    ['a missing person after a right key', { jwt: key }, { status: 401, type: 'not_set' }],
    ['a malformed header after a right key', { jwt: key, authorization: 'x' }, { status: 401, type: 'bad_format' }],
    ['a wrong person after a right key', { jwt: key, authorization: 'bearer x' }, { status: 403, type: 'invalid' }],
  ])('tells of %s', async (_, { jwt, ...headers }, problem) => {
    const answer = await sent(jwt, headers);
    expect(answer.statusCode).toBe(problem.status);
    expect(answer.json()).toMatchObject(problem);
  });

  test('serves who brings both', async () => {
    expect((await sent(key, bearer('grace'))).json()).toEqual({ by: 'grace' });
  });
});
