import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { percentile, rounded } from '../bench/rounds.js';
import { atMost, zero, type Fields, type Run, type Stage } from '../bench/run.js';
import { Dice } from './interleave/dice.js';
import { Caller } from './under-load/caller.js';
import { installation, type Installation } from './under-load/installation.js';
import { Killer } from './under-load/killer.js';
import {
  acknowledgedButLost,
  carriedOutTwice,
  mismatchesOnceCaughtUp,
  positionGaps,
  readLog,
  stillRunning,
  type Logged,
} from './under-load/reckoning.js';
import { createPrompts, Visitor, type OpenPrompt } from './under-load/visitors.js';

/**
 * Several processes of each role and the database, all killed at random moments while people use the program. Whoever was told
 * that something happened must find it in the log, once; and the read models must say what a recount of the log says.
 */
export const kill: Run<'seconds' | 'seed' | 'visitors' | 'each'> = {
  name: 'kill',
  describe: 'Processes and the database are killed with SIGKILL at random moments under load.',
  options: {
    seconds: { default: 60, describe: 'how long the load lasts' },
    seed: { default: 1, describe: 'chooses whom to kill, and what people do' },
    visitors: { default: 12, describe: 'people at once' },
    each: { default: 2, describe: 'processes of each role' },
  },
  secondsMax: ({ seconds }) => seconds + 150,
  targets: [
    ...[
      'acknowledged_lost',
      'duplicated',
      'position_gaps',
      'projection_mismatches',
      'unanswered',
      'never_expired',
      'dead_letters',
      'crashes',
    ].map(zero),
    atMost('recovery_ms_max', 15_000),
  ],
  run: async ({ seconds, seed, visitors, each }, stage) => {
    const installed = await installation(stage, { api: each, worker: each });
    const givenUp = AbortSignal.any([AbortSignal.timeout((seconds + answersSecondsMax) * 1_000), stage.signal]);
    const urls = installed.apis.map(({ url }) => url);
    const caller = new Caller(urls, givenUp);
    const [short, ...prompts] = await createPrompts(caller, installed, [5, 120, 200, 256]);
    if (short === undefined) throw new Error('No prompt could be created.');
    const abandoned = new Set<string>();
    const everybody = { caller, installation: installed, prompts, abandoned };
    // A short run would spend most of its time on waiting for those who just went away.
    const world = seconds < abandoningSecondsMin ? everybody : { ...everybody, short };

    stage.say(`${String(visitors)} visitors for ${String(seconds)} s, and nothing is safe`);
    const over = AbortSignal.any([AbortSignal.timeout(seconds * 1_000), stage.signal]);
    const visits = Array.from({ length: visitors }, (_, nth) =>
      new Visitor(`visitor-${String(nth)}`, world, new Dice(seed * 1_000 + nth)).visitUntil(over),
    );
    const killer = new Killer(installed, caller, new Dice(seed), stage.signal);
    await Promise.all([killer.killUntil(over), ...visits]);

    stage.say('Everybody has gone home; counting');
    await killer.recovered();
    const recoveries = killer.recoveriesMs;
    return {
      seconds,
      seed,
      kills: killer.kills,
      ...heard(caller, seconds),
      ...(await counted(installed, caller, { prompts: [short, ...prompts], abandoned }, stage)),
      recovery_ms_p50: rounded(percentile(recoveries, 50)),
      recovery_ms_max: rounded(percentile(recoveries, 100)),
    };
  },
};

function heard({ told, unanswered }: Caller, seconds: number): Fields {
  return {
    acknowledged: told.length,
    acknowledged_per_s: rounded(told.length / seconds),
    retried: told.filter(({ attempts }) => attempts > 1).length,
    unanswered,
  };
}

/** What callers were told against what the log holds, and what the log holds against what the read models say. */
async function counted(
  installed: Installation,
  { told }: Caller,
  { prompts, abandoned }: { prompts: readonly OpenPrompt[]; abandoned: ReadonlySet<string> },
  stage: Stage,
): Promise<Fields> {
  const log = await quietLog(installed, abandoned, stage.signal);
  const lost = acknowledgedButLost(log, told);
  const twice = carriedOutTwice(log, told);
  const mismatches = await mismatchesOnceCaughtUp(installed, log, prompts, stage);
  for (const finding of [...lost, ...twice, ...mismatches].slice(0, 20)) stage.say(finding);
  return {
    events: log.length,
    expired: log.filter(({ data }) => data.reason === 'expired').length,
    never_expired: stillRunning(log, abandoned).length,
    acknowledged_lost: lost.length,
    duplicated: twice.length,
    position_gaps: positionGaps(log),
    projection_mismatches: mismatches.length,
    dead_letters: await deadLetters(installed),
    crashes: installed.crashes(),
  };
}

/** How long callers go on asking after the load is over. */
const answersSecondsMax = 60;
const abandoningSecondsMin = 20;

/** The log once the program has ended the sessions that people left running, or has had all the time it needs to. */
async function quietLog(
  installed: Installation,
  abandoned: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly Logged[]> {
  const giveUpAt = performance.now() + expirySecondsMax * 1_000;
  for (;;) {
    const log = await readLog(installed);
    if (stillRunning(log, abandoned).length === 0 || performance.now() > giveUpAt) return log;
    signal.throwIfAborted();
    await sleep(250);
  }
}

/** The short prompt, the grace after it, a take-over, and what restarting everything costs a busy machine. */
const expirySecondsMax = 40;

async function deadLetters({ ask }: Installation): Promise<number> {
  const rows = await ask(
    'select (select count(*) from projecting.dead_letters) + (select count(*) from reacting.dead_letters) as all',
  );
  return z.tuple([z.object({ all: z.coerce.number() })]).parse(rows)[0].all;
}
