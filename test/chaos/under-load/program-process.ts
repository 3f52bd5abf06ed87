import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from '../../bench/run.js';

export type Role = 'api' | 'worker';

/**
 * The program in a process of its own, looked after as a service manager would: whenever it ends, it is started again on the
 * same port.
 */
export class ProgramProcess {
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #restMs = 0;
  /** As it says itself. */
  #saidItIsUp = false;
  readonly #stopped = new AbortController();
  /** The last words of each time that it ended although nobody had killed it, once it was up. */
  readonly crashes: string[] = [];

  private constructor(
    readonly role: Role,
    readonly url: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  static start(role: Role, port: number, environment: Readonly<Record<string, string>>, stage: Stage): ProgramProcess {
    const own = { ...environment, CHORUS_ROLE: role, HOST: '127.0.0.1', PORT: String(port) };
    const started = new ProgramProcess(role, `http://127.0.0.1:${String(port)}`, own);
    stage.afterwards(() => started.stop());
    void started.#look();
    return started;
  }

  get processId(): number | undefined {
    return this.#child?.pid;
  }

  /** Gone at once, without a chance to finish anything; it comes back after a moment. */
  kill(restMs: number): void {
    this.#restMs = restMs;
    this.#child?.kill('SIGKILL');
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async ready(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#isUp() && (await answersReady(this.url))) return;
      await sleep(50);
    }
  }

  /** Asked anew each time: it may have said so while something was waited for. */
  #isUp(): boolean {
    return this.#saidItIsUp;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  async #look(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const program = new URL('../../../src/main.js', import.meta.url).pathname;
      const child = spawn(process.execPath, [program], {
        env: { ...this.environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      this.#child = child;
      this.#saidItIsUp = false;
      let words = '';
      for (const output of [child.stdout, child.stderr]) {
        output.on('data', (text) => {
          words = `${words}${String(text)}`.slice(-4_000);
          this.#saidItIsUp ||= /^Chorus (answers|works)/m.test(words);
        });
      }
      this.#ended = once(child, 'close').then(() => undefined);
      await this.#ended;
      // Before it is up it may end for a good reason: its database was killed, too.
      if (this.#isUp() && child.signalCode !== 'SIGKILL') this.crashes.push(words);
      await sleep(Math.max(this.#restMs, restMsMin), undefined, { signal: this.#stopped.signal }).catch(
        () => undefined,
      );
      this.#restMs = 0;
    }
  }
}

const restMsMin = 100;

async function answersReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch (error) {
    // Nobody listens there yet, or it broke off meanwhile: that is what this asks.
    if (error instanceof Error) return false;
    throw error;
  }
}
