import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { issueKey, issueUserToken, userTokens, verifier } from '../../src/platform/auth/tokens.js';
import { Tokens } from '../../src/platform/auth/verification.js';

const secret = 'a secret for people in tests';
const tokens = new Tokens({
  user: secret,
  interactivePrompt: 'a secret for prompts in tests',
  journey: 'a secret for journeys in tests',
  image: 'a secret for images in tests',
});

const nowSeconds = () => Math.floor(Date.now() / 1_000);
const claims = () => ({
  sub: 'ada',
  iss: 'oseh',
  aud: 'oseh-id',
  iat: nowSeconds(),
  exp: nowSeconds() + 60,
  jti: 'one',
});
const without = (name: string) => Object.fromEntries(Object.entries(claims()).filter(([claim]) => claim !== name));
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** By hand, because the library refuses to sign what it would refuse to verify. */
function signed(payload: object, { key = secret, alg = 'HS256', hash = 'sha256' } = {}): string {
  const input = `${part({ alg, typ: 'JWT' })}.${part(payload)}`;
  return `bearer ${input}.${createHmac(hash, key).update(input).digest('base64url')}`;
}

afterEach(() => {
  jest.useRealTimers();
});

describe('a user token', () => {
  test('tells who somebody is', () => {
    const jwt = issueUserToken(secret, { sub: 'ada', admin: true, givenName: 'Ada' });
    expect(tokens.user(`bearer ${jwt}`)).toMatchObject({ sub: 'ada', admin: true, givenName: 'Ada' });
  });

  test('carries the names that clients show', () => {
    const names = { given_name: 'Ada', name: 'Ada Lovelace', preferred_username: 'ada', nickname: 'countess' };
    const shown = { givenName: 'Ada', name: 'Ada Lovelace', preferredUsername: 'ada', nickname: 'countess' };
    expect(tokens.user(signed({ ...claims(), ...names }))).toMatchObject(shown);
  });

  test('makes nobody an administrator who is not', () => {
    expect(tokens.user(signed(claims()))).toMatchObject({ admin: false });
    expect(tokens.user(signed({ ...claims(), 'oseh:admin': 'true' }))).toEqual({ refused: 'invalid' });
  });

  test.each([
    ['no header', undefined, 'not_set'],
    ['another scheme', 'basic YTpi', 'bad_format'],
    ['a bare token', signed(claims()).slice('bearer '.length), 'bad_format'],
    ['an empty token', 'bearer ', 'bad_format'],
    ['two tokens', `${signed(claims())} again`, 'bad_format'],
    ['nonsense', 'bearer nonsense', 'invalid'],
    ['another secret', signed(claims(), { key: 'a secret of somebody else' }), 'invalid'],
    ['no signature', `bearer ${part({ alg: 'none' })}.${part(claims())}.`, 'invalid'],
    ['another algorithm', signed(claims(), { alg: 'HS512', hash: 'sha512' }), 'invalid'],
    ['another audience', signed({ ...claims(), aud: 'oseh-interactive-prompt' }), 'invalid'],
    ['another issuer', signed({ ...claims(), iss: 'someone' }), 'invalid'],
    ['an end in the past', signed({ ...claims(), exp: nowSeconds() - 1 }), 'invalid'],
    ['a withdrawn time of issue', signed({ ...claims(), iat: 1_679_589_899 }), 'invalid'],
    ['an end that is no number', signed({ ...claims(), exp: 'never' }), 'invalid'],
    ['an empty subject', signed({ ...claims(), sub: '' }), 'invalid'],
  ])('is refused with %s', (_, header, refused) => {
    expect(tokens.user(header)).toEqual({ refused });
  });

  test.each(['sub', 'iss', 'exp', 'aud', 'iat', 'jti'])('is refused without %s', (name) => {
    expect(tokens.user(signed(without(name)))).toEqual({ refused: 'invalid' });
  });

  test('is taken whatever the case of the scheme', () => {
    expect(tokens.user(signed(claims()).replace('bearer', 'BEARER'))).toMatchObject({ sub: 'ada' });
  });

  test('is issued at the first second that counts', () => {
    expect(tokens.user(signed({ ...claims(), iat: 1_679_589_900 }))).toMatchObject({ sub: 'ada' });
  });
});

describe('a token that was verified before', () => {
  test('is refused once it has expired', () => {
    jest.useFakeTimers({ now: Date.now() });
    const verify = verifier(userTokens, secret);
    const jwt = issueUserToken(secret, { sub: 'ada', lifeSeconds: 10 });
    expect(verify(jwt)).toMatchObject({ sub: 'ada' });
    jest.advanceTimersByTime(9_000);
    expect(verify(jwt)).toMatchObject({ sub: 'ada' });
    jest.advanceTimersByTime(2_000);
    expect(verify(jwt)).toEqual({ refused: 'invalid' });
  });

  test('is not mistaken for one that differs in its last character', () => {
    const verify = verifier(userTokens, secret);
    const jwt = issueUserToken(secret, { sub: 'ada' });
    verify(jwt);
    const last = jwt.endsWith('A') ? 'Q' : 'A';
    expect(verify(jwt.slice(0, -1) + last)).toEqual({ refused: 'invalid' });
  });

  test('is looked at again if its time had only not come yet', () => {
    jest.useFakeTimers({ now: Date.now() });
    const header = signed({ ...claims(), nbf: nowSeconds() + 5 });
    expect(tokens.user(header)).toEqual({ refused: 'invalid' });
    jest.advanceTimersByTime(6_000);
    expect(tokens.user(header)).toMatchObject({ sub: 'ada' });
  });
});

describe('a key to a prompt', () => {
  const promptUid = 'oseh_ip_0123456789012345678901';

  test('opens what it names, from a body and from a header', () => {
    const jwt = tokens.issueKey('interactivePrompt', { sub: promptUid });
    expect(tokens.key('interactivePrompt', jwt)).toMatchObject({ sub: promptUid });
    expect(tokens.keyInHeader('interactivePrompt', `Bearer ${jwt}`)).toMatchObject({ sub: promptUid });
  });

  test('lives half an hour, and was valid a second ago', () => {
    const at = new Date(1_800_000_000_000);
    const jwt = issueKey('interactivePrompt', secret, { sub: promptUid, at });
    const payload: unknown = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());
    expect(payload).toEqual({
      sub: promptUid,
      iss: 'oseh',
      aud: 'oseh-interactive-prompt',
      iat: 1_799_999_999,
      exp: 1_800_001_800,
    });
  });

  test('is refused with a prefix that belongs into a header', () => {
    expect(tokens.key('interactivePrompt', 'bearer x')).toEqual({ refused: 'bad_format' });
  });

  test('is no user token, and a user token is no key', () => {
    const jwt = tokens.issueKey('interactivePrompt', { sub: promptUid });
    expect(tokens.user(`bearer ${jwt}`)).toEqual({ refused: 'invalid' });
    expect(tokens.key('interactivePrompt', issueUserToken(secret, { sub: 'ada' }))).toEqual({ refused: 'invalid' });
  });
});
