import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { listening } from '../support/listening.js';
import { aDataFolder, chorus, refusedProgram, throwAway, type Ended } from '../support/a-program.js';

/** One line that a person can act on, and no stack. */
function expectSentence(ended: Ended, sentence: RegExp): void {
  expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(sentence) });
  expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
}

describe('a start is refused in one sentence', () => {
  const folder = aDataFolder();

  test('that names every wrong variable, and never repeats a value', async () => {
    const wrong = { PORT: '99999', DATABASE_URL: 'mysql://root:hunter2@db/x', OSEH_ID_TOKEN_SECRET: 'short-secret' };
    const ended = await refusedProgram(folder, wrong);
    expectSentence(ended, /PORT must be a whole number.+DATABASE_URL must look like.+OSEH_ID_TOKEN_SECRET must have/);
    expect(ended.stderr).not.toMatch(/hunter2|short-secret/);
    expect(existsSync(folder)).toBe(false);
  });

  test('when a file is where the data folder should be, which it leaves alone', async () => {
    const file = join(dirname(folder), 'a-file');
    writeFileSync(file, 'precious');
    expectSentence(await refusedProgram(file), /a-file cannot be used: there is a file of that name/);
    expectSentence(await refusedProgram(join(file, 'below')), /a part of the path is a file/);
    expect(readFileSync(file, 'utf8')).toBe('precious');
  });

  test('when nobody answers at DATABASE_URL, without the password', async () => {
    const ended = await refusedProgram(folder, { DATABASE_URL: 'postgres://me:hunter2@127.0.0.1:1/chorus' });
    expectSentence(ended, /The database at postgres:\/\/me@127\.0\.0\.1:1\/chorus cannot be used: .*ECONNREFUSED/);
    expect(ended.stderr).not.toContain('hunter2');
  });

  test('when whoever answers at DATABASE_URL is no database', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const port = await listening(server);
    expectSentence(
      await refusedProgram(folder, { DATABASE_URL: `postgres://me@127.0.0.1:${String(port)}/x` }),
      /cannot be used/,
    );
    server.close();
  });

  test('when this machine does not have the address', async () => {
    expectSentence(await refusedProgram(folder, { HOST: '192.0.2.1' }), /This machine has no address 192\.0\.2\.1/);
    await throwAway(folder);
  });
});

describe('a broken data folder', () => {
  const healthy = aDataFolder();

  beforeAll(async () => {
    expect(await chorus(healthy, ['migrate'])).toMatchObject({ code: 0 });
  });
  afterAll(() => throwAway(healthy));

  function aCopy(): string {
    const folder = aDataFolder();
    cpSync(healthy, folder, { recursive: true, preserveTimestamps: true });
    return folder;
  }

  test('of another major version of PostgreSQL is refused and left as it is', async () => {
    const folder = aCopy();
    writeFileSync(join(folder, 'postgres', 'PG_VERSION'), '15\n');
    expectSentence(await refusedProgram(folder), /was written by PostgreSQL 15 and the embedded server is 18/);
    expect(readFileSync(join(folder, 'postgres', 'PG_VERSION'), 'utf8')).toBe('15\n');
  });

  test('that is no database is refused and left as it is', async () => {
    const folder = aDataFolder();
    mkdirSync(join(folder, 'postgres'), { recursive: true });
    writeFileSync(join(folder, 'postgres', 'thesis.txt'), 'precious');
    expectSentence(await refusedProgram(folder), /is not a PostgreSQL data folder or is damaged/);
    expect(readdirSync(join(folder, 'postgres'))).toEqual(['thesis.txt']);
  });

  test('that is damaged is refused with the reason the server gives', async () => {
    const folder = aCopy();
    truncateSync(join(folder, 'postgres', 'global', 'pg_control'), 100);
    expectSentence(await refusedProgram(folder), /does not start: .*pg_control/);
  });

  test('without its password is refused', async () => {
    const folder = aCopy();
    writeFileSync(join(folder, 'postgres', 'chorus.password'), 'not the one');
    expectSentence(await refusedProgram(folder), /takes no connection: password authentication failed/);
  });

  test('with unreadable secrets is refused rather than given new ones', async () => {
    const folder = aDataFolder();
    mkdirSync(folder);
    writeFileSync(join(folder, 'secrets.json'), '{"OSEH_ID_TOKEN_SECRET":');
    expectSentence(await refusedProgram(folder), /secrets\.json cannot be read as secrets/);
    expect(readFileSync(join(folder, 'secrets.json'), 'utf8')).toBe('{"OSEH_ID_TOKEN_SECRET":');
  });

  test('that an interrupted first start left behind is simply started', async () => {
    const folder = aDataFolder();
    mkdirSync(join(folder, 'postgres.new', 'base'), { recursive: true });
    expect(await chorus(folder, ['migrate'])).toMatchObject({ code: 0 });
    await throwAway(folder);
  });
});
