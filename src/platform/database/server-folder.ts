import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  lchownSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from './error-code.js';
import { DatabaseUnusable } from './errors.js';
import type { PostgresBinaries } from './postgres-installation.js';
import { postgresSettings } from './postgres-settings.js';
import { clearStalePidFile, hasProcesses, runningPostmaster, type Postmaster } from './postmaster.js';
import { serverAccount, type ServerAccount } from './server-account.js';
import { lastComplaint, ServerPrograms } from './server-process.js';

const majorVersion = '18';
const startMsMax = 60_000;
const orphanMsMax = 10_000;
const logBytesMax = 8 * 1_024 * 1_024;

/**
 * The files of the embedded server and what can be done with them: make them, start a server on them, stop it. Whoever calls
 * holds the folder's lock.
 */
export class ServerFolder {
  readonly data: string;
  private readonly log: string;
  private readonly account: ServerAccount | undefined;
  private readonly programs: ServerPrograms;

  constructor(
    readonly path: string,
    private readonly binaries: PostgresBinaries,
    private readonly durable: boolean,
  ) {
    this.data = join(path, 'postgres');
    this.log = join(path, 'postgres.log');
    this.account = serverAccount(this.data);
    this.programs = new ServerPrograms(path, this.account, binaries.postgres);
  }

  urlAt(port: number, database: string): string {
    return `postgres://chorus:${this.password()}@127.0.0.1:${String(port)}/${database}`;
  }

  /** Refuses what is not a data folder of this server before anything could touch it; makes one where there is nothing. */
  async prepare(): Promise<void> {
    if (!existsSync(this.data)) await this.initialise();
    // Root has restored or copied it: the server's account takes it over, or could not open it.
    if (this.account !== undefined && statSync(this.data).uid === 0) handOverAll(this.data, this.account);
    const version = this.read('PG_VERSION');
    if (version === undefined) {
      throw new DatabaseUnusable(
        `${this.data} is not a PostgreSQL data folder or is damaged (PG_VERSION is missing): restore it, or move it away to start empty.`,
      );
    }
    if (version !== majorVersion) {
      throw new DatabaseUnusable(
        `${this.data} was written by PostgreSQL ${version} and the embedded server is ${majorVersion}: move the data with pg_dump, or set DATABASE_URL to a server that can read it.`,
      );
    }
  }

  /** Starts a server and answers once it takes connections. */
  async launch(port: number): Promise<void> {
    await this.orphansEnded();
    clearStalePidFile(this.data);
    const log = this.openLog();
    const settings = postgresSettings({ port, durable: this.durable });
    const child = this.programs.start(this.binaries.postgres, ['-D', this.data, ...settings], log.descriptor);
    closeSync(log.descriptor);
    // The server outlives this program if it has to; the next one finds it.
    child.unref();
    let failed: Error | undefined;
    child.once('error', (error) => (failed = error));
    await this.ready(() => {
      if (failed !== undefined) throw this.programs.cannotRun(this.binaries.postgres, failed);
      if (hasEnded(child)) throw this.didNotStart(port, log.size);
    });
  }

  /** Waits for a server that is on its way. `check` throws when waiting makes no more sense. */
  async ready(check: () => void = () => this.refuseEnded()): Promise<Postmaster> {
    const giveUpAt = performance.now() + startMsMax;
    while (performance.now() < giveUpAt) {
      check();
      const postmaster = runningPostmaster(this.data);
      if (postmaster?.ready === true) return postmaster;
      await sleep(10);
    }
    throw new DatabaseUnusable(
      `The embedded database in ${this.path} is not ready after ${String(startMsMax / 1_000)} s; its log is ${this.log}.`,
    );
  }

  /** `fast` ends sessions and writes a checkpoint; `immediate` is the power cut, for data that is thrown away. */
  async stop(mode: 'fast' | 'immediate'): Promise<void> {
    await this.programs.run(this.binaries.pg_ctl, ['stop', '-D', this.data, '-m', mode, '-W', '-s']);
    while (runningPostmaster(this.data) !== undefined) await sleep(10);
  }

  /** Made beside its place and moved there when complete, so an interrupted first start leaves nothing half made. */
  private async initialise(): Promise<void> {
    for (const entry of readdirSync(this.path)) {
      if (entry.startsWith('postgres.new')) rmSync(join(this.path, entry), { recursive: true, force: true });
    }
    const made = join(this.path, 'postgres.new');
    const passwordFile = join(this.path, 'postgres.new-password');
    mkdirSync(made, { mode: 0o700 });
    writeFileSync(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
    this.handOver(made);
    this.handOver(passwordFile);
    const access = ['--username=chorus', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
    // Text sorts the same on every machine, whatever its language.
    const text = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const disk = this.durable ? [] : ['--no-sync'];
    const failure = await this.programs.run(this.binaries.initdb, [
      '-D',
      made,
      ...access,
      ...text,
      ...disk,
      '--no-instructions',
    ]);
    if (failure !== undefined)
      throw new DatabaseUnusable(`The embedded database could not be created in ${this.path}: ${failure}.`);
    renameSync(passwordFile, join(made, 'chorus.password'));
    renameSync(made, this.data);
  }

  private password(): string {
    const password = this.read('chorus.password');
    if (password !== undefined) return password;
    throw new DatabaseUnusable(
      `${join(this.data, 'chorus.password')} is missing: restore it, the database cannot be opened without it.`,
    );
  }

  private read(file: string): string | undefined {
    try {
      return readFileSync(join(this.data, file), 'utf8').trim();
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      if (code !== 'EACCES') throw error;
      throw new DatabaseUnusable(
        `${this.data} belongs to another account: start as the account that made it, or as root.`,
      );
    }
  }

  /** PostgreSQL refuses to start beside a session of a killed server; such a session ends within moments, unless its disk hangs. */
  private async orphansEnded(): Promise<void> {
    const giveUpAt = performance.now() + orphanMsMax;
    while (hasProcesses(this.data) && performance.now() < giveUpAt) await sleep(20);
  }

  private refuseEnded(): void {
    if (runningPostmaster(this.data) === undefined)
      throw new DatabaseUnusable(`The embedded database in ${this.path} has just stopped; start again.`);
  }

  private didNotStart(port: number, logFrom: number): Error {
    const said = readFileSync(this.log).subarray(logFrom).toString('utf8');
    if (/could not bind|could not create any TCP/.test(said)) return new PortTaken(port);
    return new DatabaseUnusable(
      `The embedded database in ${this.path} does not start: ${lastComplaint(said)}. Its log is ${this.log}.`,
    );
  }

  private openLog(): { descriptor: number; size: number } {
    const size = statSync(this.log, { throwIfNoEntry: false })?.size ?? 0;
    if (size > logBytesMax) renameSync(this.log, `${this.log}.1`);
    return { descriptor: openSync(this.log, 'a', 0o600), size: size > logBytesMax ? 0 : size };
  }

  private handOver(path: string): void {
    if (this.account !== undefined) chownSync(path, this.account.uid, this.account.gid);
  }
}

/** Somebody took the port between our choosing it and the server's opening it. */
export class PortTaken extends Error {
  override readonly name = 'PortTaken';
  constructor(readonly port: number) {
    super(`Port ${String(port)} is taken.`);
  }
}

function handOverAll(folder: string, { uid, gid }: ServerAccount): void {
  lchownSync(folder, uid, gid);
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    lchownSync(join(entry.parentPath, entry.name), uid, gid);
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
