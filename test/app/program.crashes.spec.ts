import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { aDataFolder, chorus, postmasterPid, RunningProgram, throwAway } from '../support/a-program.js';

const body = JSON.stringify({ prompt: { style: 'word', text: 'Well?', options: ['Yes', 'No'] }, duration_seconds: 60 });

function createPrompt(program: RunningProgram): Promise<Response> {
  const headers = { authorization: `bearer ${program.token}`, 'content-type': 'application/json' };
  return fetch(`${program.url}/api/1/admin/interactive_prompts`, { method: 'POST', headers, body });
}

async function eventually<Result>(what: () => Promise<Result>, isIt: (result: Result) => boolean): Promise<Result> {
  const giveUpAt = performance.now() + 30_000;
  for (;;) {
    const result = await what();
    if (isIt(result) || performance.now() > giveUpAt) return result;
    await sleep(20);
  }
}

async function promptsIn(folder: string): Promise<number> {
  const { stdout } = await chorus(folder, ['events', 'read', '--type', 'PromptCreated', '--json']);
  return stdout.trimEnd().split('\n').length;
}

describe('after a crash', () => {
  let folder: string;
  let program: RunningProgram;

  beforeEach(async () => {
    folder = aDataFolder();
    program = await RunningProgram.start(folder);
    expect((await createPrompt(program)).status).toBe(201);
  });
  afterEach(async () => {
    await program.signal('SIGKILL');
    await throwAway(folder);
  });

  test('of the program, the next one takes over the server that still runs, with all data', async () => {
    const server = postmasterPid(folder);
    await program.signal('SIGKILL');
    program = await RunningProgram.start(folder);
    expect(postmasterPid(folder)).toBe(server);
    expect((await createPrompt(program)).status).toBe(201);
    expect(await promptsIn(folder)).toBe(2);
    // The server that nobody's child is still stops with its last user.
    expect(await program.signal('SIGTERM')).toMatchObject({ code: 0 });
    expect(postmasterPid(folder)).toBeUndefined();
  });

  test('of the database, commands are answered 503 until it is back, which it soon is by itself', async () => {
    const killed = postmasterPid(folder) ?? 0;
    process.kill(killed, 'SIGKILL');
    const statuses = new Set<number>();
    const last = await eventually(
      async () => (await createPrompt(program)).status,
      (status) => {
        statuses.add(status);
        return status === 201 && postmasterPid(folder) !== killed;
      },
    );
    expect(last).toBe(201);
    expect([...statuses].filter((status) => status !== 201 && status !== 503)).toEqual([]);
    const ready = await eventually(
      async () => (await fetch(`${program.url}/health/ready`)).status,
      (status) => status === 200,
    );
    expect(ready).toBe(200);
  });

  test('of both at once, the next program starts the server again, and nothing answered is lost', async () => {
    process.kill(postmasterPid(folder) ?? 0, 'SIGKILL');
    await program.signal('SIGKILL');
    program = await RunningProgram.start(folder);
    expect(await promptsIn(folder)).toBe(1);
    expect(readdirSync(folder)).toContain('secrets.json');
  });
});
