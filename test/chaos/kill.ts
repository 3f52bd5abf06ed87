import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { runningPostmaster } from '../../src/platform/database/postmaster.js';
import { percentile, rounded } from '../bench/rounds.js';
import { atMost, zero, type Fields, type Run, type Stage } from '../bench/run.js';
import { Dice } from './interleave/dice.js';
import { Caller } from './under-load/caller.js';
import { installation, type Installation } from './under-load/installation.js';
import { acknowledgedButLost, carriedOutTwice, mismatchesOnceCaughtUp, positionGaps, readLog, stillRunning, type Logged } from './under-load/reckoning.js';
import { createPrompts, Visitor } from './under-load/visitors.js';

/**
 * Several processes of each role and the database, all killed at random moments while people use the program. Whoever was told
 * that something happened must find it in the log, once; and the read models must say what a recount of the log says.
 */
export const kill: Run<'seconds' | 'seed' | 'visitors'> = {
  name: 'kill',
  describe: 'Processes and the database are killed with SIGKILL at random moments under load.',
  options: {
    seconds: { default: 60, describe: 'how long the load lasts' },
    seed: { default: 1, describe: 'chooses whom to kill, and what people do' },
    visitors: { default: 12, describe: 'people at once' },
  },
  secondsMax: ({ seconds }) => seconds + 150,
  targets: [...['acknowledged_lost', 'duplicated', 'position_gaps', 'projection_mismatches', 'unanswered', 'never_expired', 'dead_letters'].map(zero), atMost('recovery_ms_max', 15_000)],
  run: async ({ seconds, seed, visitors }, stage) => {
    const dice = new Dice(seed);
    const installed = await installation(stage, { api: 2, worker: 2 });
    const gaveUp = new AbortController();
    const caller = new Caller(installed.apis.map(({ url }) => url), gaveUp.signal);
    // A short run would spend most of its time on waiting for those who just went away.
    const [short, ...prompts] = await createPrompts(caller, installed, [5, 120, 200, 256]);
    const abandoned = new Set<string>();
    const over = AbortSignal.any([AbortSignal.timeout(seconds * 1_000), stage.signal]);

    stage.say(`${String(visitors)} visitors for ${String(seconds)} s, and nothing is safe`);
    const world = { caller, installation: installed, prompts, abandoned, ...(seconds < 20 || short === undefined ? {} : { short }) };
    const visits = Array.from({ length: visitors }, (_, nth) =>
      new Visitor(`visitor-${String(nth)}`, world, new Dice(seed * 1_000 + nth)).visitUntil(over),
    );
    const killer = new Killer(installed, caller, dice, stage);
    const killing = killer.killUntil(over);
    const patience = setTimeout(() => { gaveUp.abort(); }, (seconds + answersSecondsMax) * 1_000);
    await Promise.all([killing, ...visits]);
    clearTimeout(patience);

    stage.say('Everybody has gone home; counting');
    await killer.recovered();
    const log = await quietLog(installed, abandoned, stage);
    const lost = acknowledgedButLost(log, caller.told);
    const twice = carriedOutTwice(log);
    const mismatches = await mismatchesOnceCaughtUp(installed, log, [...prompts, ...(short === undefined ? [] : [short])], stage.signal);
    for (const finding of [...lost, ...twice, ...mismatches].slice(0, 20)) stage.say(finding);
    return {
      seconds,
      seed,
      kills: killer.kills,
      acknowledged: caller.told.length,
      acknowledged_per_s: rounded(caller.told.length / seconds),
      retried: caller.told.filter(({ attempts }) => attempts > 1).length,
      unanswered: caller.unanswered,
      events: log.length,
      expired: log.filter(({ data }) => data.reason === 'expired').length,
      never_expired: stillRunning(log, abandoned).length,
      acknowledged_lost: lost.length,
      duplicated: twice.length,
      position_gaps: positionGaps(log),
      projection_mismatches: mismatches.length,
      dead_letters: await deadLetters(installed),
      recovery_ms_p50: rounded(percentile(killer.recoveriesMs, 50)),
      recovery_ms_max: rounded(percentile(killer.recoveriesMs, 100)),
    };
  },
};

const answersSecondsMax = 60;

const victims = ['api', 'api', 'worker', 'worker', 'database', 'backend'] as const;
type Victim = (typeof victims)[number];

class Killer {
  readonly #kills: Record<Victim, number> = { api: 0, worker: 0, database: 0, backend: 0 };
  readonly recoveriesMs: number[] = [];
  readonly #recovering: Promise<void>[] = [];

  constructor(
    private readonly installed: Installation,
    private readonly caller: Caller,
    private readonly dice: Dice,
    private readonly stage: Stage,
  ) {}

  get kills(): Fields {
    return { ...this.#kills, all: Object.values(this.#kills).reduce((sum, count) => sum + count, 0) };
  }

  async killUntil(over: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(500 + this.dice.below(3_000), undefined, { signal: over }).catch(() => undefined);
      if (over.aborted) return;
      const victim = this.dice.pick(victims);
      if (!(await this.#kill(victim))) continue;
      this.#kills[victim] += 1;
      this.#recovering.push(this.#timeRecovery(performance.now()));
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
      this.stage.signal.throwIfAborted();
      const rows = await this.installed.ask(`select coalesce(min(position), 0) as shown from projecting.builds where state = 'live'`);
      if (z.tuple([z.object({ shown: z.coerce.bigint() })]).parse(rows)[0].shown >= position) break;
      await sleep(20);
    }
    this.recoveriesMs.push(performance.now() - killedAt);
  }

  async #answeredAfter(killedAt: number): Promise<bigint | undefined> {
    const giveUpAt = performance.now() + answersSecondsMax * 1_000;
    while (performance.now() < giveUpAt) {
      const told = this.caller.told.findLast(({ sentAt, position }) => sentAt > killedAt && position !== undefined);
      if (told !== undefined) return told.position;
      await sleep(10);
    }
    return undefined;
  }
}

function killed(pid: number | undefined): boolean {
  return pid !== undefined && process.kill(pid, 'SIGKILL');
}

/** The log once the program has ended the sessions that people left running, or has had all the time it needs to. */
async function quietLog(installed: Installation, abandoned: ReadonlySet<string>, stage: Stage): Promise<readonly Logged[]> {
  const giveUpAt = performance.now() + expirySecondsMax * 1_000;
  for (;;) {
    const log = await readLog(installed);
    if (stillRunning(log, abandoned).length === 0 || performance.now() > giveUpAt) return log;
    stage.signal.throwIfAborted();
    await sleep(250);
  }
}

/** The short prompt, the grace after it, a take-over, and what restarting everything costs a busy machine. */
const expirySecondsMax = 40;

async function deadLetters({ ask }: Installation): Promise<number> {
  const rows = await ask('select (select count(*) from projecting.dead_letters) + (select count(*) from reacting.dead_letters) as all');
  return z.tuple([z.object({ all: z.coerce.number() })]).parse(rows)[0].all;
}
