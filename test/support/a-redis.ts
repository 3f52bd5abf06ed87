import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { testFolder } from './test-folder.js';

/** Tests of what Redis does need the real one. Where there is none they are skipped, and say so in their names. */
export const redisIsHere = spawnSync('redis-server', ['--version']).status === 0;
export const needsRedis = redisIsHere ? '' : ' (SKIPPED: there is no redis-server on this machine)';

/** A real Redis on a port of its own, which can be killed and started again there. */
export class ARedis {
  private child: ChildProcess | undefined;

  private constructor(
    private readonly port: number,
    private readonly folder: string,
  ) {}

  static async start(): Promise<ARedis> {
    const redis = new ARedis(await freePort(), mkdtempSync(join(testFolder(), 'pid-redis-')));
    await redis.startAgain();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${String(this.port)}`;
  }

  async startAgain(): Promise<void> {
    const options = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    this.child = spawn('redis-server', options, { stdio: 'ignore', cwd: this.folder });
    // A test that fails to stop it must not keep the run from ending.
    this.child.unref();
    // If the run is killed, whoever cleans up finds the process by this file.
    writeFileSync(join(this.folder, 'program.pid'), String(this.child.pid));
    const giveUpAt = performance.now() + 10_000;
    while (!(await this.answers())) {
      if (performance.now() > giveUpAt) throw new Error('redis-server did not start.');
      await sleep(20);
    }
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** It accepts and says nothing. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  async stop(): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.ref();
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
  }

  private async answers(): Promise<boolean> {
    const once = { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0, disconnectTimeout: 100 };
    const redis = new Redis(this.url, once);
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      await redis.ping();
      return true;
    } catch (error) {
      if (error instanceof Error) return false;
      throw error;
    } finally {
      redis.disconnect();
    }
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new TypeError('A TCP server has a numeric port.');
  return address.port;
}
