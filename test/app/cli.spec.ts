import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { listening } from '../support/listening.js';
import { aDataFolder, chorus, RunningCommand, RunningProgram, throwAway } from '../support/a-program.js';

const Event = z.looseObject({ position: z.number(), stream: z.string(), version: z.number(), type: z.string() });

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const eventsOf = (text: string) => lines(text).map((line) => Event.parse(JSON.parse(line)));

async function createPrompt({ url, token }: RunningProgram, text: string): Promise<void> {
  const answer = await fetch(`${url}/api/1/admin/interactive_prompts`, {
    method: 'POST',
    headers: { authorization: `bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: { style: 'word', text, options: ['Good', 'Bad'] }, duration_seconds: 60 }),
  });
  expect(answer.status).toBe(201);
}

describe('the chorus command', () => {
  const folder = aDataFolder();
  let program: RunningProgram;
  /** The program defines the public prompts that it ships when it starts; three prompts are created here. */
  const shipped = 3;
  const head = shipped + 3;

  beforeAll(async () => {
    program = await RunningProgram.start(folder);
    for (const text of ['One?', 'Two?', 'Three?']) await createPrompt(program, text);
  });
  afterAll(async () => {
    await program.signal('SIGTERM');
    await throwAway(folder);
  });

  test('reads the log from a position, in either direction, one JSON object a line', async () => {
    const forwards = await chorus(folder, ['events', 'read', '--after', String(head - 2), '--json']);
    expect(eventsOf(forwards.stdout).map(({ position }) => position)).toEqual([head - 1, head]);
    const backwards = await chorus(folder, ['events', 'read', '--backwards', '--limit', '2', '--json']);
    expect(eventsOf(backwards.stdout).map(({ position }) => position)).toEqual([head, head - 1]);
    expect(forwards.stderr + backwards.stderr).toBe('');
  });

  test('reads one stream, and only some types or categories', async () => {
    const [first] = eventsOf((await chorus(folder, ['events', 'read', '--limit', '1', '--json'])).stdout);
    const stream = await chorus(folder, ['events', 'read', '--stream', first?.stream ?? '', '--json']);
    expect(eventsOf(stream.stdout)).toEqual([first]);
    const typed = await chorus(folder, ['events', 'read', '--type', 'PromptCreated', '--category', 'prompt', '--json']);
    expect(eventsOf(typed.stdout)).toHaveLength(3);
    const none = await chorus(folder, ['events', 'read', '--type', 'NothingOfTheKind', '--json']);
    expect(none).toMatchObject({ code: 0, stdout: '' });
  });

  test('follows the log until it is told to stop', async () => {
    const tail = RunningCommand.spawn(folder, ['events', 'tail', '--after', String(head - 1), '--json']);
    await tail.said(new RegExp(`"position":${String(head)}`));
    await createPrompt(program, 'Four?');
    await tail.said(new RegExp(`"position":${String(head + 1)}`));
    const { code, stdout } = await tail.signal('SIGINT');
    expect({ code, positions: eventsOf(stdout).map(({ position }) => position) }).toEqual({
      code: 0,
      positions: [head, head + 1],
    });
  });

  test('counts the log', async () => {
    const { stdout } = await chorus(folder, ['events', 'stats', '--json']);
    const stats = z.looseObject({ head: z.number(), events: z.number() }).parse(JSON.parse(stdout));
    expect(stats.events).toBe(stats.head);
    const ofPrompts = stats.events - shipped;
    expect(stats).toMatchObject({
      types: [
        { type: 'PromptCreated', schema_version: 1, events: ofPrompts },
        { type: 'PublicPromptDefined', schema_version: 1, events: shipped },
      ],
      categories: [
        { category: 'prompt', streams: ofPrompts },
        { category: 'publicPrompt', streams: shipped },
      ],
      unknown_types: [],
    });
  });

  test('lists the read models with their lag and owner', async () => {
    const { stdout } = await chorus(folder, ['projections', 'list', '--json']);
    const Listed = z.object({
      projections: z.array(z.looseObject({ name: z.string(), owner: z.string().nullable() })),
    });
    const { projections } = Listed.parse(JSON.parse(stdout));
    expect(projections.length).toBeGreaterThan(0);
    expect(projections.every(({ owner }) => owner !== null)).toBe(true);
    expect((await chorus(folder, ['projections', 'list'])).stdout).toMatch(/^The log ends at position \d+/);
  });

  test('makes tokens that the program accepts', async () => {
    const { stdout } = await chorus(folder, ['token', '--sub', 'ada', '--admin', '--given-name', 'Ada']);
    expect(lines(stdout)).toHaveLength(1);
    const answer = await fetch(`${program.url}/api/1/admin/interactive_prompts`, {
      method: 'POST',
      headers: { authorization: `bearer ${stdout.trim()}` },
    });
    // An administrator is told what is wrong with the body; anybody else would be turned away before.
    expect(answer.status).toBe(422);
    const json = await chorus(folder, ['token', '--sub', 'ada', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ sub: 'ada', admin: false, token: expect.stringMatching(/^eyJ/) });
  });

  test('finds everything in order, and the program on its port', async () => {
    const healthy = await chorus(folder, ['doctor', '--json'], { PORT: new URL(program.url).port });
    expect({ code: healthy.code, found: JSON.parse(healthy.stdout) }).toMatchObject({ code: 0, found: { ok: true } });
    expect(healthy.stdout).toContain('Chorus answers on port');
  });

  test('finds what is wrong, says what to do, and exits with 1', async () => {
    const stranger = createServer((_request, response) => response.end('hello'));
    const port = String(await listening(stranger));
    const sick = await chorus(folder, ['doctor', '--json'], {
      PORT: port,
      DATABASE_URL: 'postgres://me@127.0.0.1:1/x',
    });
    stranger.close();
    const Checks = z.object({ ok: z.boolean(), checks: z.array(z.looseObject({ part: z.string(), ok: z.boolean() })) });
    const { ok, checks } = Checks.parse(JSON.parse(sick.stdout));
    expect({ code: sick.code, ok }).toEqual({ code: 1, ok: false });
    expect(checks.filter((check) => !check.ok).map(({ part }) => part)).toEqual(['port', 'database']);

    const misled = await chorus(folder, ['doctor'], { PORT: 'http' });
    expect(misled).toMatchObject({ code: 1, stdout: expect.stringContaining('PORT must be a whole number') });
  });

  test('says nothing on stdout when it fails, and one sentence on stderr', async () => {
    const failures = await Promise.all([
      chorus(folder, ['events', 'read', '--limit', 'many']),
      chorus(folder, ['token']),
      chorus(folder, ['backup', '--to', 'nowhere/tonight.backup']),
      chorus(folder, ['events', 'read'], { DATABASE_URL: 'postgres://me@127.0.0.1:1/x' }),
    ]);
    for (const failure of failures) expect(failure).toMatchObject({ code: 1, stdout: '' });
    expect(failures.map(({ stderr }) => lines(stderr)[0])).toEqual([
      expect.stringMatching(/'--limit <count>' argument 'many' is invalid/),
      expect.stringMatching(/'--sub <sub>' not specified/),
      expect.stringMatching(/^nowhere\/tonight.backup.partial: there is no such file or folder/),
      expect.stringMatching(/The database at postgres:\/\/me@127.0.0.1:1\/x cannot be used/),
    ]);
  });
});

describe('the chorus command where nothing has been started yet', () => {
  const folder = aDataFolder();
  afterAll(() => throwAway(folder));

  test('asks for the program to be started once, and needs no program for what needs none', async () => {
    expect((await chorus(folder, ['doctor', '--json'])).code).toBe(0);
    expect(await chorus(folder, ['events', 'stats'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('The database is not up to date'),
    });
    const migrated = await chorus(folder, ['migrate', '--json']);
    expect(JSON.parse(migrated.stdout)).toMatchObject({ applied: expect.arrayContaining(['EventLog1767225600000']) });
    expect((await chorus(folder, ['events', 'stats', '--json'])).code).toBe(0);
  });
});
