import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { percentile, rounded } from '../bench/rounds.js';
import { atMost, zero, type Run, type Stage } from '../bench/run.js';
import { Dice } from './interleave/dice.js';
import { Caller } from './under-load/caller.js';
import { installation, type Installation } from './under-load/installation.js';
import type { ProgramProcess } from './under-load/program-process.js';
import { acknowledgedButLost, carriedOutTwice, mismatchesOnceCaughtUp, readLog } from './under-load/reckoning.js';
import { createPrompts, Visitor } from './under-load/visitors.js';

/**
 * Two workers share the leases. One is frozen in the middle of its work for longer than its leases last, and then thawed: it
 * goes on with what it had in its hands, believing that it still owns it. None of that may be written a second time.
 */
export const freeze: Run<'rounds' | 'seed' | 'frozen'> = {
  name: 'freeze',
  describe: 'Owners of leases are frozen with SIGSTOP past their leases, and thawed.',
  options: {
    rounds: { default: 6, describe: 'how often somebody is frozen' },
    frozen: { default: 7, describe: 'seconds that a freeze lasts' },
    seed: { default: 1, describe: 'chooses the moments' },
  },
  secondsMax: ({ rounds, frozen }) => 90 + rounds * (frozen + 15),
  targets: [
    zero('written_twice_or_lost'),
    zero('acknowledged_lost'),
    zero('duplicated'),
    zero('crashes'),
    { ...atMost('take_over_ms_max', 5_000), mustHold: true },
  ],
  run: async ({ rounds, frozen, seed }, stage) => {
    const dice = new Dice(seed);
    const installed = await installation(stage, { api: 1, worker: 1 });
    const workers = await namedWorkers(installed);
    const caller = new Caller(
      installed.apis.map(({ url }) => url),
      stage.signal,
    );
    const prompts = await createPrompts(caller, installed, [120, 256]);
    const over = new AbortController();
    const world = { caller, installation: installed, prompts, abandoned: new Set<string>() };
    const visits = Array.from({ length: 8 }, (_, nth) =>
      new Visitor(`visitor-${String(nth)}`, world, new Dice(seed * 1_000 + nth)).visitUntil(
        AbortSignal.any([over.signal, stage.signal]),
      ),
    );
    const takeOversMs: number[] = [];
    try {
      for (let round = 1; round <= rounds; round += 1) {
        const { owner, leases } = await somebodyWithLeases(installed, dice, stage);
        const worker = workers.get(owner);
        if (worker === undefined) throw new Error(`Nobody knows the owner ${owner}.`);
        await sleep(dice.below(300));
        const [took] = await Promise.all([
          frozenTakeOvers(installed, worker, leases, stage),
          thawLater(worker, frozen),
        ]);
        takeOversMs.push(...took);
        stage.say(
          `Round ${String(round)}: ${String(leases.length)} leases were taken over within ${String(Math.round(Math.max(...took)))} ms`,
        );
      }
    } finally {
      over.abort();
    }
    await Promise.all(visits);
    const log = await readLog(installed);
    const mismatches = await mismatchesOnceCaughtUp(installed, log, prompts, stage);
    const [lost, twice] = [acknowledgedButLost(log, caller.told), carriedOutTwice(log, caller.told)];
    for (const finding of [...mismatches, ...lost, ...twice].slice(0, 20)) stage.say(finding);
    return {
      rounds,
      seed,
      leases_taken_over: takeOversMs.length,
      take_over_ms_p50: rounded(percentile(takeOversMs, 50)),
      take_over_ms_max: rounded(percentile(takeOversMs, 100)),
      events: log.length,
      written_twice_or_lost: mismatches.length,
      acknowledged_lost: lost.length,
      duplicated: twice.length,
      crashes: installed.crashes(),
    };
  },
};

/** Workers by the name under which they own leases: whoever is new after a start is the one that was started. */
async function namedWorkers(installed: Installation): Promise<ReadonlyMap<string, ProgramProcess>> {
  const named = new Map<string, ProgramProcess>();
  for (const worker of installed.workers) named.set(await newOwner(installed, named), worker);
  const another = await installed.start('worker');
  return named.set(await newOwner(installed, named), another);
}

async function newOwner({ ask }: Installation, known: ReadonlyMap<string, unknown>): Promise<string> {
  for (;;) {
    const rows = OwnerRows.parse(await ask('select owner from projecting.workers'));
    const fresh = rows.find(({ owner }) => !known.has(owner));
    if (fresh !== undefined) return fresh.owner;
    await sleep(50);
  }
}

const OwnerRows = z.array(z.object({ owner: z.string() }));
const LeaseRows = z.array(z.object({ name: z.string(), owner: z.string(), epoch: z.coerce.number() }));
type LeaseRow = z.infer<typeof LeaseRows>[number];

async function leasesOf({ ask }: Installation): Promise<readonly LeaseRow[]> {
  return LeaseRows.parse(
    await ask(
      'select name, owner, epoch from projecting.leases where owner is not null and expires_at > clock_timestamp()',
    ),
  );
}

/** Waits until the leases are shared out, so that there is work on both sides, and picks a side. */
async function somebodyWithLeases(
  installed: Installation,
  dice: Dice,
  stage: Stage,
): Promise<{ owner: string; leases: readonly LeaseRow[] }> {
  for (;;) {
    stage.signal.throwIfAborted();
    const leases = await leasesOf(installed);
    const owners = [...new Set(leases.map(({ owner }) => owner))];
    if (owners.length > 1) {
      const owner = dice.pick(owners);
      return { owner, leases: leases.filter((lease) => lease.owner === owner) };
    }
    await sleep(100);
  }
}

/** How long each lease was without an owner that works. */
async function frozenTakeOvers(
  installed: Installation,
  worker: ProgramProcess,
  held: readonly LeaseRow[],
  stage: Stage,
): Promise<readonly number[]> {
  worker.freeze();
  const frozenAt = performance.now();
  const took = new Map<string, number>();
  while (took.size < held.length && performance.now() - frozenAt < 30_000) {
    stage.signal.throwIfAborted();
    for (const { name, owner, epoch } of await leasesOf(installed)) {
      const before = held.find((lease) => lease.name === name);
      if (before !== undefined && !took.has(name) && owner !== before.owner && epoch > before.epoch)
        took.set(name, performance.now() - frozenAt);
    }
    await sleep(20);
  }
  return held.map(({ name }) => took.get(name) ?? performance.now() - frozenAt);
}

async function thawLater(worker: ProgramProcess, seconds: number): Promise<void> {
  try {
    await sleep(seconds * 1_000);
  } finally {
    worker.thaw();
  }
}
