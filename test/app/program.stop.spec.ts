import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { aDataFolder, chorus, postmasterPid, RunningProgram, throwAway } from '../support/a-program.js';

const body = JSON.stringify({ prompt: { style: 'word', text: 'Well?', options: ['Yes', 'No'] }, duration_seconds: 60 });

/** A command whose body has not arrived whole yet: the program has to wait for the rest. */
class UnfinishedCommand {
  private answer = '';

  private constructor(
    private readonly socket: Socket,
    private readonly sent: number,
  ) {
    socket.on('data', (text) => (this.answer += String(text)));
    socket.on('error', () => undefined);
  }

  static async send({ url, token }: RunningProgram): Promise<UnfinishedCommand> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const head = [
      'POST /api/1/admin/interactive_prompts HTTP/1.1',
      `host: ${hostname}`,
      `authorization: bearer ${token}`,
    ];
    const rest = ['content-type: application/json', `content-length: ${String(body.length)}`, '', body.slice(0, 10)];
    socket.write([...head, ...rest].join('\r\n'));
    return new UnfinishedCommand(socket, 10);
  }

  async finish(): Promise<string> {
    this.socket.write(body.slice(this.sent));
    while (!this.answer.includes('\r\n\r\n')) await once(this.socket, 'data');
    return this.answer.split('\r\n')[0] ?? '';
  }
}

describe('a program that is asked to stop', () => {
  let folder: string;

  beforeEach(() => {
    folder = aDataFolder();
  });
  afterEach(() => throwAway(folder));

  test('answers what it has begun, gives everything back and ends with 0', async () => {
    const program = await RunningProgram.start(folder);
    const command = await UnfinishedCommand.send(program);
    // An answer to a later request shows that the earlier one has been read.
    await fetch(`${program.url}/health/live`);
    const ended = program.signal('SIGTERM');
    await program.said(/"stopping"/);
    expect(await command.finish()).toBe('HTTP/1.1 201 Created');
    expect(await ended).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('"stopped"') });
    expect(postmasterPid(folder)).toBeUndefined();
    expect((await chorus(folder, ['events', 'read', '--json'])).stdout).toContain('PromptCreated');
  });

  test('ends at once when it is asked a second time, but not when it is told of one wish twice', async () => {
    const program = await RunningProgram.start(folder);
    await UnfinishedCommand.send(program);
    await fetch(`${program.url}/health/live`);
    void program.signal('SIGINT');
    void program.signal('SIGINT');
    await program.said(/"stopping"/);
    await sleep(600);
    expect(program.stdout).not.toContain('ended by force');
    expect(await program.signal('SIGINT')).toMatchObject({ code: 1, stdout: expect.stringContaining('second signal') });
  });

  test('ends by force when draining takes too long', async () => {
    const program = await RunningProgram.start(folder, { SHUTDOWN_MS_MAX: '300' });
    await UnfinishedCommand.send(program);
    await fetch(`${program.url}/health/live`);
    const ended = await program.signal('SIGTERM');
    expect(ended).toMatchObject({ code: 1, stdout: expect.stringContaining('stop took too long') });
  });
});
