import { connect } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { CommandRefused, StreamBusy } from '../../src/platform/deciding/refusals.js';
import {
  AppendOutcomeUnknown,
  AppendQueueFull,
  AppendTooLarge,
  CommandReused,
  StoreUnavailable,
  VersionConflict,
} from '../../src/platform/event-store/errors.js';
import { ProblemBody } from '../../src/platform/http/problem.js';
import { aShell, bearer, type Shell } from './a-shell.js';

let shell: Shell;
beforeAll(async () => {
  shell = await aShell({ BODY_BYTES_MAX: '2000' });
});
afterAll(() => shell.app.close());
beforeEach(() => {
  shell.sayings.say = () => Promise.resolve({ position: 7n });
});

type Headers = Record<string, string>;
const post = (payload: string | object, headers: Headers = {}, url = '/words') =>
  shell.app.inject({ method: 'POST', url, headers: { ...bearer(), ...headers }, payload });
const json = { 'content-type': 'application/json' };
const word = { word: 'hi', second: 1 };

describe('every problem', () => {
  test('has the fields of RFC 9457 and those that clients read', async () => {
    const answer = await post({ word: 'hi', second: 'x' });
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    const body = ProblemBody.parse(answer.json());
    expect(body).toMatchObject({ type: 'invalid_request', title: 'Unprocessable Entity', status: 422 });
    expect(body.message).toBe(body.detail);
    expect(body.markdown).toBe(body.detail);
    expect(body.requestId).toBe(answer.headers['x-request-id']);
    expect(body.instance).toContain(body.requestId);
  });
});

describe('a wrong body', () => {
  test.each([
    ['a wrong type', { word: 'hi', second: 'x' }, '/second'],
    ['a missing field', { word: 'hi' }, '/second'],
    ['too long a text', { word: 'x'.repeat(46), second: 1 }, '/word'],
    ['a field nobody knows', { ...word, more: 1 }, ''],
    ['another shape', [1], ''],
  ])('is answered with the path of %s', async (_, payload, path) => {
    const answer = await post(payload);
    expect(answer.statusCode).toBe(422);
    expect(ProblemBody.parse(answer.json()).errors).toContainEqual(expect.objectContaining({ in: 'body', path }));
  });

  test.each([
    ['infinite', '{"word":"hi","second":1e999}', 422, 'invalid_request'],
    ['no number at all', '{"word":"hi","second":NaN}', 400, 'malformed_json'],
    ['cut off', '{"word":', 400, 'malformed_json'],
    ['empty', '', 422, 'invalid_request'],
    ['after our prototypes', '{"word":"hi","second":1,"__proto__":{"admin":true}}', 400, 'malformed_json'],
    [
      'after our constructors',
      '{"word":"hi","second":1,"constructor":{"prototype":{"admin":true}}}',
      400,
      'malformed_json',
    ],
  ])('is refused when it is %s', async (_, payload, status, type) => {
    const answer = await post(payload, json);
    expect([answer.statusCode, answer.json()]).toEqual([status, expect.objectContaining({ type })]);
  });

  test('is refused in a media type that no route takes', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml']) {
      const answer = await post('word=hi', { 'content-type': type });
      expect([answer.statusCode, answer.json()]).toEqual([
        415,
        expect.objectContaining({ type: 'unsupported_media_type' }),
      ]);
    }
  });

  test('is refused when it is too large', async () => {
    const answer = await post({ word: 'x'.repeat(3_000), second: 1 });
    expect([answer.statusCode, answer.json()]).toEqual([413, expect.objectContaining({ type: 'too_large' })]);
  });

  test('is described in a bounded way however wrong it is', async () => {
    const many = Array.from({ length: 150 }, (_, index) => [`x${String(index)}`, 1] as const);
    const answer = await post(Object.fromEntries(many));
    expect(answer.statusCode).toBe(422);
    expect(answer.body.length).toBeLessThan(2_500);
  });
});

describe('a wrong address', () => {
  test('names the parameter', async () => {
    const answer = await post({}, {}, '/words/toolong/loudly');
    expect(answer.json()).toMatchObject({ status: 422, errors: [{ in: 'param', path: '/word' }] });
  });

  test('names the query field', async () => {
    const answer = await shell.app.inject({ url: '/words?starting=long', headers: bearer() });
    expect(answer.json()).toMatchObject({ status: 422, errors: [{ in: 'query', path: '/starting' }] });
  });

  test.each([
    ['GET', '/nothing/here', 404, 'not_found'],
    ['GET', '/words/a/b/c', 404, 'not_found'],
    ['GET', '/words//loudly', 404, 'not_found'],
    ['DELETE', '/words', 405, 'method_not_allowed'],
    ['GET', '/words/hello/loudly', 405, 'method_not_allowed'],
    ['GET', '/words/%', 400, 'bad_request'],
    ['POST', `/words/${'x'.repeat(300)}/loudly`, 414, 'uri_too_long'],
  ] as const)('%s %s is a problem like any other', async (method, url, status, type) => {
    const answer = await shell.app.inject({ method, url, headers: bearer() });
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({ type, status });
  });

  test('says which methods there are', async () => {
    const answer = await shell.app.inject({ method: 'DELETE', url: '/words', headers: bearer() });
    expect(answer.headers.allow).toBe('GET, HEAD, POST');
  });
});

/** As TypeORM wraps what the driver throws. */
const gone = () =>
  Object.assign(new Error('select failed at db.internal'), {
    driverError: Object.assign(new Error('terminating connection'), { code: '57P01' }),
  });

describe('a failure behind the route', () => {
  test.each([
    ['a refusal', new CommandRefused('word', 'Say', 'Rude'), { status: 409, type: 'rude_word' }],
    ['a refusal for now', new CommandRefused('word', 'Say', 'Asleep'), { status: 503, type: 'asleep', after: '15' }],
    [
      'a refusal of another model',
      new CommandRefused('word', 'Say', 'Unheard'),
      { status: 500, type: 'internal_error' },
    ],
    ['a lasting conflict', new VersionConflict('word-1', 3, 4), { status: 503, type: 'busy', after: '1' }],
    ['a crowd', new StreamBusy('word-1', 1_000), { status: 503, type: 'busy', after: '1' }],
    ['a key that was used before', new CommandReused('abc'), { status: 422, type: 'idempotency_key_reused' }],
    ['too large an append', new AppendTooLarge('The event has 9 bytes.'), { status: 413, type: 'too_large' }],
    ['a full queue', new AppendQueueFull(20_000), { status: 503, type: 'unavailable', after: '1' }],
    [
      'a log out of reach',
      new StoreUnavailable('db.internal refused'),
      { status: 503, type: 'unavailable', after: '1' },
    ],
    [
      'a broken connection',
      new AppendOutcomeUnknown('db.internal reset'),
      { status: 503, type: 'outcome_unknown', after: '1' },
    ],
    ['a database that is gone', gone(), { status: 503, type: 'unavailable', after: '1' }],
    ['a bug', new Error('x is undefined at db.internal'), { status: 500, type: 'internal_error' }],
  ])(
    '%s gets its status',
    async (_, error, { after, ...problem }: { status: number; type: string; after?: string }) => {
      shell.sayings.say = () => Promise.reject(error);
      const answer = await post(word);
      expect(answer.statusCode).toBe(problem.status);
      expect(answer.json()).toMatchObject(problem);
      expect(answer.headers['retry-after']).toBe(after);
      expect(answer.body).not.toContain('db.internal');
      expect(answer.body).not.toContain('.ts');
    },
  );

  test("is the client's when it named the version it expects", async () => {
    shell.sayings.say = () => Promise.reject(new VersionConflict('word-1', 3, 4));
    const answer = await post(word, { 'if-match': '"3"' });
    expect([answer.statusCode, answer.json()]).toEqual([409, expect.objectContaining({ type: 'version_conflict' })]);
  });

  test("is logged once, with its stack and the request's id", async () => {
    shell.sayings.say = () => Promise.reject(new Error('a bug of ours'));
    const answer = await post(word);
    const lines = shell.lines().filter(({ requestId }) => requestId === answer.headers['x-request-id']);
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'error',
        status: 500,
        err: expect.objectContaining({
          message: 'a bug of ours',
          stack: expect.stringContaining('http.problems.spec'),
        }),
      }),
    ]);
  });
});

describe('a strange request', () => {
  beforeAll(() => shell.app.listen(0, '127.0.0.1'));

  test.each([
    ['no HTTP', 'what is this', 400, 'bad_request'],
    ['an unknown method', 'FOO /words HTTP/1.1', 400, 'bad_request'],
    ['an address that is no path', 'GET *words HTTP/1.1', 404, 'not_found'],
    ['two lengths', 'POST /words HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 3', 400, 'bad_request'],
    ['headers without end', `GET /words HTTP/1.1\r\nx: ${'x'.repeat(20_000)}`, 431, 'headers_too_large'],
  ])('is answered with a problem when it is %s', async (_, head, ...problem) => {
    const socket = connect(Number(new URL(await shell.app.getUrl()).port), '127.0.0.1');
    socket.end(`${head}\r\nhost: here\r\nconnection: close\r\n\r\n`);
    let received = '';
    socket.on('data', (bytes: Buffer) => (received += bytes.toString()));
    await once(socket, 'close');
    const { status, type } = ProblemBody.parse(JSON.parse(received.slice(received.indexOf('{'))));
    expect([status, type]).toEqual(problem);
    expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${String(status)} `));
    expect(received).toContain('application/problem+json');
  });
});

describe('a body that is nested without end', () => {
  test('is no more than wrong', async () => {
    const roomy = await aShell();
    const payload = '['.repeat(100_000) + ']'.repeat(100_000);
    const headers = { ...bearer(), ...json, 'idempotency-key': 'k' };
    const answer = await roomy.app.inject({ method: 'POST', url: '/words', headers, payload });
    expect(answer.statusCode).toBe(422);
    await roomy.app.close();
  });
});
