import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Cause } from '../../src/platform/deciding/stream-command.js';
import { aShell, bearer, type Shell } from './a-shell.js';

let shell: Shell;
beforeAll(async () => {
  shell = await aShell();
});
afterAll(() => shell.app.close());
beforeEach(() => {
  shell.sayings.causes.length = 0;
});

interface Sent {
  readonly by?: string;
  readonly url?: string;
  readonly payload?: object;
  readonly headers?: Record<string, string>;
}

const word = { word: 'hi', second: 1 };
const send = ({ by = 'ada', url = '/words', payload = word, headers = {} }: Sent = {}) =>
  shell.app.inject({ method: 'POST', url, payload, headers: { ...bearer(by), ...headers } });

async function causeOf(sent: Sent = {}): Promise<Cause> {
  const answer = await send(sent);
  const cause = shell.sayings.causes.at(-1);
  if (cause === undefined) throw new Error(`no cause, but ${answer.body}`);
  return cause;
}

const keyed = (key: string, sent: Sent = {}): Promise<Cause> =>
  causeOf({ ...sent, headers: { ...sent.headers, 'idempotency-key': key } });

describe('a command', () => {
  test('answers with its position and its body', async () => {
    const answer = await send();
    expect(answer.statusCode).toBe(201);
    expect(answer.headers['chorus-position']).toBe('7');
    expect(answer.json()).toEqual({ word: 'hi', by: 'ada' });
  });

  test('answers with its position when it has no body', async () => {
    const answer = await send({ url: '/words/forget' });
    expect([answer.statusCode, answer.headers['chorus-position'], answer.body]).toEqual([204, '7', '']);
  });

  test('needs no body because it names a type for one', async () => {
    const headers = { ...bearer(), 'content-type': 'application/json' };
    expect((await shell.app.inject({ method: 'POST', url: '/words/forget', headers })).statusCode).toBe(204);
  });

  test('answers with positions that no double can hold', async () => {
    shell.sayings.say = () => Promise.resolve({ position: 9_007_199_254_740_993n });
    expect((await send()).headers['chorus-position']).toBe('9007199254740993');
    shell.sayings.say = () => Promise.resolve({ position: 7n });
  });

  test('is caused by the person of the token', async () => {
    expect(await causeOf({ by: 'grace' })).toMatchObject({ actor: 'grace' });
  });
});

describe('the correlation of a command', () => {
  test("is the client's", async () => {
    expect(await causeOf({ headers: { 'x-correlation-id': 'shop/42:a-b' } })).toMatchObject({
      correlationId: 'shop/42:a-b',
    });
  });

  test.each(['', 'a b', 'ä', 'x'.repeat(129), '{"a":1}'])("is the request's id rather than %j", async (given) => {
    const answer = await send({ headers: { 'x-correlation-id': given } });
    expect(shell.sayings.causes.at(-1)?.correlationId).toBe(answer.headers['x-request-id']);
  });

  test('differs between requests', async () => {
    expect((await causeOf()).correlationId).not.toBe((await causeOf()).correlationId);
  });
});

describe('the trace of a command', () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

  test('is the one that the sender is in', async () => {
    expect(await causeOf({ headers: { traceparent } })).toMatchObject({ trace: traceparent });
  });

  test('is none when the header is none', async () => {
    expect(await causeOf({ headers: { traceparent: 'x' } })).not.toHaveProperty('trace');
    expect(await causeOf()).not.toHaveProperty('trace');
  });
});

describe('an idempotency key', () => {
  test('makes the same command of the same request', async () => {
    const first = await keyed('k1');
    expect(first.commandId).toMatch(/^[\w-]{43}$/);
    expect(await keyed('k1')).toMatchObject({ commandId: first.commandId, fingerprint: first.fingerprint });
  });

  test('is absent from a command without one', async () => {
    expect(await causeOf()).not.toHaveProperty('commandId');
    expect(await causeOf()).not.toHaveProperty('fingerprint');
  });

  test('belongs to a person and a route', async () => {
    const ids = [
      (await keyed('k1')).commandId,
      (await keyed('k2')).commandId,
      (await keyed('k1', { by: 'grace' })).commandId,
      (await keyed('k1', { url: '/words/forget' })).commandId,
    ];
    expect(new Set(ids).size).toBe(4);
  });

  test('keeps its parts apart', async () => {
    expect((await keyed('bk', { by: 'a' })).commandId).not.toBe((await keyed('k', { by: 'ab' })).commandId);
  });

  test('tells another question under the same key, in the body or in the path', async () => {
    const body = [await keyed('k1'), await keyed('k1', { payload: { word: 'ho', second: 1 } })];
    const path = [await keyed('k1', { url: '/words/a/loudly' }), await keyed('k1', { url: '/words/b/loudly' })];
    for (const [one, other] of [body, path]) {
      expect(one?.commandId).toBe(other?.commandId);
      expect(one?.fingerprint).not.toBe(other?.fingerprint);
    }
  });

  test('may be anything visible', async () => {
    expect(await keyed(`"${'x'.repeat(253)}~`)).toHaveProperty('commandId');
  });

  test.each(['', 'a b', 'x'.repeat(256), 'ä'])('is refused as %j', async (key) => {
    const answer = await send({ headers: { 'idempotency-key': key } });
    expect(answer.json()).toMatchObject({ status: 422, errors: [{ in: 'header', path: '/idempotency-key' }] });
    expect(shell.sayings.causes).toEqual([]);
  });
});
