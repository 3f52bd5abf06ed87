import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { codeOf } from '../../../src/platform/database/error-code.js';
import { runningPostmaster } from '../../../src/platform/database/postmaster.js';
import type { Fields } from '../../bench/run.js';
import type { Dice } from '../interleave/dice.js';
import type { Caller } from './caller.js';
import type { Installation } from './installation.js';

const victims = ['api', 'api', 'worker', 'worker', 'database', 'backend'] as const;
type Victim = (typeof victims)[number];

/** Kills somebody every second or two, and times how long each time it takes until all is well again. */
export class Killer {
  readonly #kills: Record<Victim, number> = { api: 0, worker: 0, database: 0, backend: 0 };
  readonly recoveriesMs: number[] = [];
  readonly #recovering: Promise<void>[] = [];

  constructor(
    private readonly installed: Installation,
    private readonly caller: Caller,
    private readonly dice: Dice,
    private readonly signal: AbortSignal,
  ) {}

  get kills(): Fields {
    return { ...this.#kills, all: Object.values(this.#kills).reduce((sum, count) => sum + count, 0) };
  }

  async killUntil(over: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(300 + this.dice.below(2_500), undefined, { signal: over }).catch(() => undefined);
      if (over.aborted) return;
      const victim = this.dice.pick(victims);
      if (!(await this.#kill(victim))) continue;
      this.#kills[victim] += 1;
      const recovery = this.#timeRecovery(performance.now());
      // Whoever counts in the end hears of a failure; until then nobody listens.
      recovery.catch(() => undefined);
      this.#recovering.push(recovery);
    }
  }

  async recovered(): Promise<void> {
    await Promise.all(this.#recovering);
  }

  async #kill(victim: Victim): Promise<boolean> {
    switch (victim) {
      case 'api':
      case 'worker':
        this.dice.pick(victim === 'api' ? this.installed.apis : this.installed.workers).kill(this.dice.below(1_500));
        return true;
      case 'database':
        return killed(runningPostmaster(this.installed.databaseFolder)?.pid);
      case 'backend':
        return killed(await this.#someBackend());
    }
  }

  /** The server doesn't trust what a killed session may have left in shared memory: it ends all the others and recovers. */
  async #someBackend(): Promise<number | undefined> {
    const rows = await this.installed.ask(
      `select pid from pg_stat_activity where application_name like 'chorus%' and datname = current_database() order by pid`,
    );
    const pids = z.array(z.object({ pid: z.int() })).parse(rows);
    return pids.length === 0 ? undefined : this.dice.pick(pids).pid;
  }

  /** From the kill until a command that was sent afterwards was answered, and every read model shows it. */
  async #timeRecovery(killedAt: number): Promise<void> {
    const position = await this.#answeredAfter(killedAt);
    if (position === undefined) return;
    for (;;) {
      this.signal.throwIfAborted();
      const rows = await this.installed.ask(
        `select coalesce(min(position), 0) as shown from projecting.builds where state = 'live'`,
      );
      if (z.tuple([z.object({ shown: z.coerce.bigint() })]).parse(rows)[0].shown >= position) break;
      await sleep(20);
    }
    this.recoveriesMs.push(performance.now() - killedAt);
  }

  async #answeredAfter(killedAt: number): Promise<bigint | undefined> {
    const giveUpAt = performance.now() + answerSecondsMax * 1_000;
    while (performance.now() < giveUpAt) {
      const told = this.caller.told.findLast(({ sentAt, position }) => sentAt > killedAt && position !== undefined);
      if (told !== undefined) return told.position;
      await sleep(10);
    }
    return undefined;
  }
}

/** False when nobody was there, or no longer. */
function killed(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}

const answerSecondsMax = 60;
