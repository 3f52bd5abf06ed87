import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './installation.js';
import type { Stage } from '../../bench/run.js';

/** A Redis that keeps nothing, looked after as a service manager would: whenever it ends, it is started again on the same port. */
export class RedisProcess {
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #restMs = 0;
  readonly #stopped = new AbortController();

  private constructor(private readonly port: number) {}

  /** Undefined where no Redis is installed. */
  static async start(stage: Stage): Promise<RedisProcess | undefined> {
    if (spawnSync('redis-server', ['--version']).status !== 0) return undefined;
    const started = new RedisProcess(await freePort());
    stage.afterwards(() => started.stop());
    void started.#look();
    return started;
  }

  get url(): string {
    return `redis://127.0.0.1:${String(this.port)}`;
  }

  kill(restMs: number): void {
    this.#restMs = restMs;
    this.#child?.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopped;
    const options = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    while (!signal.aborted) {
      const child = spawn('redis-server', options, { stdio: 'ignore' });
      this.#child = child;
      this.#ended = once(child, 'close').then(() => undefined);
      await this.#ended;
      await sleep(Math.max(this.#restMs, restMsMin), undefined, { signal }).catch(() => undefined);
      this.#restMs = 0;
    }
  }
}

const restMsMin = 100;
