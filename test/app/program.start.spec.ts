import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { aDataFolder, chorus, refusedProgram, RunningProgram, throwAway } from '../support/a-program.js';

describe('the program', () => {
  const folder = aDataFolder();
  let program: RunningProgram;

  beforeAll(async () => {
    program = await RunningProgram.start(folder);
  });
  afterAll(async () => {
    await program.signal('SIGTERM');
    await throwAway(folder);
  });

  test('says on its first start where it is, and the line it offers works when pasted', async () => {
    const docs = await fetch(program.find(/API docs\s+(\S+)/));
    expect(docs.status).toBe(200);
    const pasted = spawnSync('sh', ['-c', program.find(/^(curl .*)$/m)], { encoding: 'utf8' });
    expect(JSON.parse(pasted.stdout)).toMatchObject({ duration_seconds: 60, prompt: { text: 'How are you?' } });
  });

  test('is ready', async () => {
    const answer = await fetch(`${program.url}/health/ready`);
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({ status: 200, body: { ready: true } });
  });

  test('writes the token nowhere but where it is offered', async () => {
    await fetch(`${program.url}/api/1/admin/interactive_prompts`, {
      method: 'POST',
      headers: { authorization: `bearer ${program.token}` },
    });
    const log = program.stdout.split('\n').filter((line) => line.startsWith('{'));
    expect(log.length).toBeGreaterThan(0);
    expect(log.join('\n')).not.toContain(program.token);
  });

  test('refuses a second program on its folder in one sentence, and works on', async () => {
    const second = await refusedProgram(folder);
    expect(second).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Another program already runs on .+\n$/) });
    expect((await fetch(`${program.url}/health/ready`)).status).toBe(200);
  });

  test('refuses a taken port in one sentence, and leaves no server behind', async () => {
    const other = aDataFolder();
    const refused = await refusedProgram(other, { PORT: new URL(program.url).port });
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Port \d+ of 127\.0\.0\.1 is taken .+\n$/),
    });
    await throwAway(other);
  });

  test('shares its database with commands that run beside it', async () => {
    const { code, stdout } = await chorus(folder, ['events', 'stats', '--json']);
    expect({ code, stats: JSON.parse(stdout) }).toMatchObject({ code: 0, stats: { unknown_types: [] } });
    expect((await fetch(`${program.url}/health/ready`)).status).toBe(200);
  });

  test('keeps its data, its secrets and its exit code when it is stopped and started again', async () => {
    const before = await chorus(folder, ['events', 'read', '--json']);
    const { token } = program;
    expect(await program.signal('SIGTERM')).toMatchObject({ code: 0, stderr: '' });

    const startedAt = performance.now();
    program = await RunningProgram.start(folder);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect((await chorus(folder, ['events', 'read', '--json'])).stdout).toBe(before.stdout);
    const answer = await fetch(`${program.url}/api/1/admin/interactive_prompts`, {
      method: 'POST',
      headers: { authorization: `bearer ${token}` },
    });
    expect(answer.status).toBe(422);
  });
});
