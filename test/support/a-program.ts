import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { testFolder } from './test-folder.js';

const sayMsMax = 15_000;

export type Variables = Readonly<Record<string, string>>;

/** A real process of ours, from `dist`: compiled first, if need be, so that what is tested is what npm scripts run. */
export class RunningCommand {
  protected constructor(
    private readonly child: ChildProcess,
    readonly ended: Promise<Ended>,
    private readonly output: Output,
  ) {}

  static spawn(folder: string, args: readonly string[], variables: Variables = {}): RunningCommand {
    return new RunningCommand(...spawned(folder, ['dist/src/cli.js', ...args], variables));
  }

  get stdout(): string {
    return this.output.stdout;
  }

  /** Resolves when what the process has said matches. */
  async said(what: RegExp): Promise<void> {
    const giveUpAt = performance.now() + sayMsMax;
    const ended = this.ended.then(() => true);
    while (!what.test(this.output.stdout)) {
      const over = await Promise.race([ended, sleep(10, false)]);
      if ((over && !what.test(this.output.stdout)) || performance.now() > giveUpAt) {
        throw new Error(`It did not say ${String(what)}:\n${this.output.stdout}\n${this.output.stderr}`);
      }
    }
  }

  find(pattern: RegExp): string {
    const found = pattern.exec(this.output.stdout)?.[1];
    if (found === undefined) throw new Error(`It did not say ${String(pattern)}:\n${this.output.stdout}`);
    return found;
  }

  async signal(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}

export class RunningProgram extends RunningCommand {
  /** Resolves when the program says that it is ready. */
  static async start(folder: string, variables: Variables = {}): Promise<RunningProgram> {
    const program = new RunningProgram(...spawned(folder, ['dist/src/main.js'], variables));
    await program.said(/^Data .*\n\n/m);
    return program;
  }

  get url(): string {
    return this.find(/^Chorus .* at (http:\/\/[^\s/]+)/m);
  }

  get token(): string {
    return this.find(/^(eyJ\S+)$/m);
  }
}

/** A start that is expected to be refused: runs to its end. */
export function refusedProgram(folder: string, variables: Variables = {}): Promise<Ended> {
  return spawned(folder, ['dist/src/main.js'], variables)[1];
}

/** Runs the `chorus` command to its end. */
export function chorus(folder: string, args: readonly string[], variables: Variables = {}): Promise<Ended> {
  return RunningCommand.spawn(folder, args, variables).ended;
}

interface Output {
  stdout: string;
  stderr: string;
}

function spawned(
  folder: string,
  args: readonly string[],
  variables: Variables,
): [ChildProcess, Promise<Ended>, Output] {
  build();
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'] ?? '', CHORUS_DATA: folder, PORT: '0', ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.set(child, folder);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (text) => (output.stdout += String(text)));
  child.stderr.on('data', (text) => (output.stderr += String(text)));
  // If the run is killed, whoever cleans up finds the process by this file.
  const pidFile = join(mkdtempSync(join(testFolder(), 'pid-')), 'program.pid');
  writeFileSync(pidFile, String(child.pid));
  const ended = once(child, 'close').then(() => {
    running.delete(child);
    rmSync(pidFile, { force: true });
    return { code: child.exitCode, signal: child.signalCode, ...output };
  });
  return [child, ended, output];
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A data folder that does not exist yet; the end of the run removes it, and ends the server in it. */
export function aDataFolder(): string {
  const folder = mkdtempSync(join(testFolder(), 'data-'));
  chmodSync(folder, 0o755);
  return join(folder, 'chorus');
}

const running = new Map<ChildProcess, string>();

/** Throws the folder away, with whatever a failed test left running on it. */
export async function throwAway(folder: string): Promise<void> {
  for (const [child, usedBy] of running) {
    if (usedBy === folder && child.kill('SIGKILL')) await once(child, 'close');
  }
  const pid = postmasterPid(folder);
  if (pid !== undefined) process.kill(pid, 'SIGQUIT');
  while (postmasterPid(folder) !== undefined) await sleep(10);
  rmSync(folder, { recursive: true, force: true });
}

export function postmasterPid(folder: string): number | undefined {
  const file = join(folder, 'postgres', 'postmaster.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : undefined;
}

let built = false;

function build(): void {
  if (built) return;
  const { status, stderr } = spawnSync(process.execPath, [resolve('src/ops/build-when-stale.ts')]);
  if (status !== 0) throw new Error(`The program does not compile:\n${String(stderr)}`);
  built = true;
}
