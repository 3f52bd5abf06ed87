import { setTimeout as sleep } from 'node:timers/promises';
import { percentile, rounded } from '../bench/rounds.js';
import { atLeast, zero, type Fields, type Run, type Stage } from '../bench/run.js';
import { Dice } from './interleave/dice.js';
import { Caller } from './under-load/caller.js';
import { installation, type Installation } from './under-load/installation.js';
import { acknowledgedButLost, carriedOutTwice, mismatchesOnceCaughtUp, readLog } from './under-load/reckoning.js';
import { createPrompts, Visitor, type OpenPrompt } from './under-load/visitors.js';
import { endings, Journeys, type Ending } from './rebuild/journey.js';
import { Reader } from './rebuild/reader.js';
import { StepKiller } from './rebuild/step-killer.js';
import { stepNames, type StepName } from './rebuild/steps.js';

/**
 * Two read models are built anew, switched, rolled back, retired and given up, again and again, while people use the program
 * and others look at what it shows. The worker that does it is killed in the middle of every step. Nobody who reads may notice;
 * and in the end both builds must say what a recount of the log says.
 */
export const rebuild: Run<'seconds' | 'seed' | 'visitors' | 'steps'> = {
  name: 'rebuild',
  describe: 'The worker is killed with SIGKILL at every step of rebuild, switch and rollback, under load.',
  options: {
    seconds: { default: 120, describe: 'how long at least; every step has its turn in any case' },
    seed: { default: 1, describe: 'chooses whom to kill where, after every step had its turn' },
    visitors: { default: 4, describe: 'people at once' },
    steps: { default: stepNames.length, describe: 'at how many of the steps the worker is killed' },
  },
  secondsMax: ({ seconds }) => seconds + 420,
  targets: [
    ...['steps_missed', 'mismatches', 'query_errors', 'went_back', 'acknowledged_lost', 'duplicated', 'crashes'].map(
      zero,
    ),
    ...['rebuilds', 'switches', 'resumed'].map((field) => ({ ...atLeast(field, 1), mustHold: true })),
  ],
  run: async ({ seconds, seed, visitors, steps }, stage) => {
    const installed = await installation(stage, { api: 1, worker: 1 });
    const urls = installed.apis.map(({ url }) => url);
    const caller = new Caller(urls, stage.signal);
    const prompts = await createPrompts(caller, installed, [120, 256]);
    const over = new AbortController();
    const gone = AbortSignal.any([over.signal, stage.signal]);
    const world = { caller, installation: installed, prompts, abandoned: new Set<string>(), pauseMs: 30 };
    const visits = Array.from({ length: visitors }, (_, nth) =>
      new Visitor(`visitor-${String(nth)}`, world, new Dice(seed * 1_000 + nth)).visitUntil(gone),
    );
    const reader = new Reader(installed, prompts);
    const reading = reader.readUntil(gone);
    const dice = new Dice(seed);
    const killer = new StepKiller(installed, dice, stage.signal);
    const orders = new Caller(urls, stage.signal);
    const journeys = new Journeys({ installed, orders, dice, signal: stage.signal }, killer);
    const due = new Set(spread(stepNames, steps));
    try {
      await untilThereIsALog(installed);
      await leadUntil(performance.now() + seconds * 1_000, { killer, journeys, due, dice }, stage);
    } finally {
      over.abort();
    }
    await Promise.all([...visits, reading]);
    return {
      seconds,
      seed,
      kills: [...killer.killed.values()].reduce((sum, count) => sum + count, killer.late),
      steps_killed: Object.fromEntries(killer.killed),
      steps_missed: [...due].filter((step) => !killer.killed.has(step)).length,
      late_kills: killer.late,
      resumed: killer.resumedMs.length,
      resumed_ms_p50: rounded(percentile(killer.resumedMs, 50)),
      resumed_ms_max: rounded(percentile(killer.resumedMs, 100)),
      queries: reader.queries,
      query_errors: reader.errors.length,
      went_back: reader.wentBack.length,
      acknowledged: caller.told.length,
      ...(await counted({ installed, caller, prompts, reader }, journeys, stage)),
    };
  },
};

/** So long that folding it again takes a while. */
async function untilThereIsALog({ ask }: Installation): Promise<void> {
  while ((await ask('select 1 from log.events where position >= $1', [eventsMin])).length === 0) await sleep(50);
}

const eventsMin = 250;

/** So many of them, as far apart as can be. */
function spread<Item>(items: readonly Item[], count: number): readonly Item[] {
  const apart = items.length / Math.max(1, count);
  return items.filter((_, at) => Math.floor(at / apart) > Math.floor((at - 1) / apart));
}

interface Leading {
  readonly killer: StepKiller;
  readonly journeys: Journeys;
  readonly due: ReadonlySet<StepName>;
  readonly dice: Dice;
}

/** Those steps that had no turn yet are next; when each has had one, chance decides. */
async function leadUntil(end: number, { killer, journeys, due, dice }: Leading, stage: Stage): Promise<void> {
  const all: readonly Ending[] = ['rolled back', 'given up', 'kept'];
  const missing = (): ReadonlySet<StepName> => new Set([...due].filter((step) => !killer.killed.has(step)));
  for (let nth = 0; missing().size > 0 || performance.now() < end; nth += 1) {
    stage.signal.throwIfAborted();
    const left = missing();
    const turn = all.filter((ending) => left.size === 0 || endings[ending].some((step) => left.has(step)));
    const ending = turn[nth % turn.length] ?? 'kept';
    const chosen = [...due].filter((step) => left.has(step) || (left.size === 0 && dice.oneIn(2)));
    await journeys.lead(ending, new Set(chosen));
    stage.say(`A rebuild was ${ending}; ${String(killer.resumedMs.length)} kills so far`);
  }
}

interface Reckoned {
  readonly installed: Installation;
  readonly caller: Caller;
  readonly prompts: readonly OpenPrompt[];
  readonly reader: Reader;
}

/** What readers see is counted again before a last switch, after it, and after that was taken back. */
async function counted(
  { installed, caller, prompts, reader }: Reckoned,
  journeys: Journeys,
  stage: Stage,
): Promise<Fields> {
  const led = { ...journeys.done };
  const log = await readLog(installed);
  const recount = (): Promise<readonly string[]> => mismatchesOnceCaughtUp(installed, log, prompts, stage);
  const mismatches = [...(await recount())];
  await journeys.showAnother();
  mismatches.push(...(await recount()));
  await journeys.rollBack();
  mismatches.push(...(await recount()));
  const lost = acknowledgedButLost(log, caller.told);
  const twice = carriedOutTwice(log, caller.told);
  const findings = [...mismatches, ...lost, ...twice, ...reader.errors, ...reader.wentBack];
  for (const finding of findings.slice(0, 20)) stage.say(finding);
  return {
    ...led,
    events: log.length,
    mismatches: mismatches.length,
    acknowledged_lost: lost.length,
    duplicated: twice.length,
    crashes: installed.crashes(),
  };
}
