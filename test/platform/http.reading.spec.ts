import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { aShell, bearer, type Shell } from './a-shell.js';

let shell: Shell;
beforeAll(async () => {
  shell = await aShell({ READ_WAIT_MS_MAX: '250' });
});
afterAll(() => shell.app.close());
beforeEach(() => {
  shell.progress.asked.length = 0;
  shell.progress.at.set('words', 10n).set('counts', 8n);
});

const read = (query = '', headers: Record<string, string> = {}) =>
  shell.app.inject({ url: `/words${query}`, headers: { ...bearer(), ...headers } });

describe('a read', () => {
  test('waits for nothing unless it is asked to', async () => {
    expect((await read()).statusCode).toBe(200);
    expect(shell.progress.asked).toEqual([]);
  });

  test('waits for every read model it answers from, for the configured time', async () => {
    await read('', { 'chorus-at-least': '8' });
    expect(shell.progress.asked).toEqual([
      { projection: 'words', position: 8n, waitMs: 250 },
      { projection: 'counts', position: 8n, waitMs: 250 },
    ]);
  });

  test.each([
    ['header', '', { 'chorus-at-least': '8' }],
    ['query', '?at_least=8', {}],
    ["query beside the route's own", '?starting=h&at_least=8', {}],
  ])('that is far enough answers, asked by %s', async (_, query, headers) => {
    const answer = await read(query, headers);
    expect([answer.statusCode, answer.headers['chorus-position']]).toEqual([200, '8']);
  });

  test('that is behind says how far', async () => {
    const answer = await read('?at_least=10');
    expect(answer.statusCode).toBe(425);
    expect(answer.json()).toMatchObject({ type: 'not_there_yet', status: 425, lag: 2, position: '8' });
    expect(answer.headers).toMatchObject({ 'retry-after': '1', 'chorus-position': '8' });
  });

  test('is never behind the beginning', async () => {
    shell.progress.at.clear();
    expect((await read('?at_least=0')).statusCode).toBe(200);
  });

  test('can be asked for any position there can be', async () => {
    expect((await read('?at_least=9223372036854775807')).statusCode).toBe(425);
  });

  test.each(['9223372036854775808', '-1', '1.5', '1e3', '', 'x', '٣', '0x10', ' 1'])(
    'refuses %j as a position',
    async (text) => {
      const answer = await read(`?at_least=${encodeURIComponent(text)}`);
      expect(answer.json()).toMatchObject({ status: 422, errors: [{ in: 'query', path: '/at_least' }] });
    },
  );

  test('refuses two positions', async () => {
    expect((await read('?at_least=1&at_least=2')).statusCode).toBe(422);
  });

  test('names the header when that is wrong', async () => {
    const answer = await read('', { 'chorus-at-least': 'x' });
    expect(answer.json()).toMatchObject({ status: 422, errors: [{ in: 'header', path: '/chorus-at-least' }] });
  });

  test('asks for a token before it waits', async () => {
    expect((await shell.app.inject({ url: '/words?at_least=1' })).statusCode).toBe(401);
    expect(shell.progress.asked).toEqual([]);
  });
});
