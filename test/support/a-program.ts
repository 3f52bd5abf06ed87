import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { testFolder } from './test-folder.js';

const startMsMax = 15_000;

export type Variables = Readonly<Record<string, string>>;

/** A real process of the program, from `dist`. */
export class RunningProgram {
  private constructor(
    readonly child: ChildProcess,
    readonly ended: Promise<Ended>,
    private readonly output: { stdout: string; stderr: string },
  ) {}

  /** Compiles first, if need be: what is tested is what `npm start` would run. */
  static spawn(folder: string, variables: Variables = {}): RunningProgram {
    build();
    const child = spawn(process.execPath, ['dist/src/main.js'], {
      env: environment({ CHORUS_DATA: folder, PORT: '0', ...variables }),
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
    return new RunningProgram(child, ended, output);
  }

  /** Resolves when the program says that it is ready. */
  static async start(folder: string, variables: Variables = {}): Promise<RunningProgram> {
    const program = RunningProgram.spawn(folder, variables);
    await program.said(/^Data .*\n\n/m);
    return program;
  }

  get url(): string {
    return this.find(/^Chorus .* at (http:\/\/[^\s/]+)/m);
  }

  get token(): string {
    return this.find(/^(eyJ\S+)$/m);
  }

  get stdout(): string {
    return this.output.stdout;
  }

  async said(what: RegExp): Promise<void> {
    const giveUpAt = performance.now() + startMsMax;
    let alive = true;
    void this.ended.then(() => (alive = false));
    while (!what.test(this.output.stdout)) {
      if (!alive || performance.now() > giveUpAt) {
        throw new Error(`The program did not say ${String(what)}:\n${this.output.stdout}\n${this.output.stderr}`);
      }
      await sleep(10);
    }
  }

  async signal(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }

  find(pattern: RegExp): string {
    const found = pattern.exec(this.output.stdout)?.[1];
    if (found === undefined) throw new Error(`The program did not say ${String(pattern)}:\n${this.output.stdout}`);
    return found;
  }
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the `chorus` command to its end. */
export async function chorus(folder: string, args: readonly string[], variables: Variables = {}): Promise<Ended> {
  build();
  const child = spawn(process.execPath, ['dist/src/cli.js', ...args], {
    env: environment({ CHORUS_DATA: folder, PORT: '0', ...variables }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => (stdout += String(text)));
  child.stderr.on('data', (text) => (stderr += String(text)));
  await once(child, 'close');
  return { code: child.exitCode, signal: child.signalCode, stdout, stderr };
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

function environment(variables: Variables): Variables {
  return { PATH: process.env['PATH'] ?? '', ...variables };
}

let built = false;

function build(): void {
  if (built) return;
  const { status, stderr } = spawnSync(process.execPath, [resolve('src/ops/build-when-stale.ts')]);
  if (status !== 0) throw new Error(`The program does not compile:\n${String(stderr)}`);
  built = true;
}
