import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { codeOf } from './error-code.js';
import { DatabaseUnusable } from './errors.js';
import { firstClosedFolder, lentPassage, type ServerAccount } from './server-account.js';

/** Runs the server's programs, as the account that may. */
export class ServerPrograms {
  private readonly passage: { command: string; options: string[] } | undefined;

  constructor(
    private readonly folder: string,
    private readonly account: ServerAccount | undefined,
    binary: string,
  ) {
    const closed = account === undefined ? undefined : firstClosedFolder(account, [`${folder}/.`, binary]);
    this.passage = closed === undefined || account === undefined ? undefined : lentPassage(account);
    if (closed !== undefined && this.passage === undefined) {
      throw new DatabaseUnusable(
        `PostgreSQL refuses to run as root, and the account that would run it instead (uid ${String(account?.uid)}) may not enter ${closed}: start as a user without root rights, move the program or its data folder, or set DATABASE_URL.`,
      );
    }
  }

  /** Runs a program to its end. Answers what it complained about, or undefined when it succeeded. */
  async run(program: string, options: readonly string[]): Promise<string | undefined> {
    const child = this.start(program, options, 'pipe');
    let output = '';
    child.stdout?.on('data', (text) => (output += String(text)));
    child.stderr?.on('data', (text) => (output += String(text)));
    try {
      await once(child, 'close');
    } catch (error) {
      throw this.cannotRun(program, error);
    }
    return child.exitCode === 0 ? undefined : lastComplaint(output);
  }

  /** In a session of its own: Ctrl-C in a terminal must reach this program, which drains first, and not the server. */
  start(program: string, options: readonly string[], output: 'pipe' | number): ChildProcess {
    const { command, options: before } = this.passage ?? { command: program, options: [] };
    const all = this.passage === undefined ? options : [...before, program, ...options];
    return spawn(command, all, {
      detached: true,
      cwd: this.folder,
      stdio: ['ignore', output, output],
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      ...(this.passage === undefined ? this.account : {}),
    });
  }

  cannotRun(program: string, error: unknown): DatabaseUnusable {
    return new DatabaseUnusable(
      `The embedded database cannot be started: ${program} cannot be run (${codeOf(error) ?? String(error)}).`,
      {
        cause: error,
      },
    );
  }
}

/** The last line that says what went wrong, without its prefix. */
export function lastComplaint(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  const complaints = lines.filter((line) => complaint.test(line));
  const line = complaints.at(-1) ?? lines.findLast((text) => text !== '') ?? 'it said nothing';
  return line.replace(complaint, '').replace(/\.$/, '');
}

const complaint = /^.*?(FATAL|PANIC|error):\s*/;
