import { setInterval as every } from 'node:timers';
import { z } from 'zod';
import { projections } from '../../projections/registry.js';
import { withRebuilds } from '../../src/ops/rebuild-session.js';
import { readConfig } from '../../src/platform/config/config.js';
import { Database } from '../../src/platform/database/database.js';
import { logPages } from '../../src/platform/event-store/log-pages.js';
import { Pace } from '../../src/platform/rebuilding/pace.js';
import type { Rebuild } from '../../src/platform/rebuilding/rebuild.js';
import { programsStore } from './prompt-log.js';

/**
 * One side of `bench rebuild`, in a process of its own so that its memory is nobody else's: rebuilds the read models as the
 * command does, or reads the same pages of the log and does nothing with them. The database is the one at DATABASE_URL.
 */
export const RebuildJob = z.object({ side: z.enum(['rebuilding', 'reading']), names: z.array(z.string()) });
export type RebuildJob = z.infer<typeof RebuildJob>;

export const Rebuilt = z.object({
  events: z.number(),
  /** From the order to when every row and index is there, before the proof. */
  ms: z.number(),
  /** What the proof of equality took after that. */
  proofMs: z.number(),
  peakBytes: z.number(),
});
export type Rebuilt = z.infer<typeof Rebuilt>;

type Measured = Omit<Rebuilt, 'peakBytes'>;

async function rebuilding(names: readonly string[]): Promise<Measured> {
  let measured: Measured | undefined;
  await withRebuilds(readConfig(process.env), async ({ orders, follow }) => {
    await orders.rebuild(names, { switches: false });
    const ready = await follow(names, ({ state }) => state === 'ready', nobody);
    const problem = ready.find((each) => each.problem !== null)?.problem;
    if (typeof problem === 'string') throw new Error(problem);
    measured = measuredBy(ready);
    for (const name of names) await orders.abort(name);
    await follow(names, ({ state }) => state === 'aborted', nobody);
  });
  if (measured === undefined) throw new Error('The rebuild ended without having been measured.');
  return measured;
}

const nobody = (): void => undefined;

function measuredBy(rebuilds: readonly Rebuild[]): Measured {
  const at = (step: string): number[] => rebuilds.map(({ steps }) => Date.parse(steps[step] ?? ''));
  const built = Math.max(...at('verifying'));
  const ms = built - Math.min(...at('planned'));
  return { events: rebuilds[0]?.events ?? 0, ms, proofMs: Math.max(...at('ready')) - built };
}

/** In the pages that a rebuild takes while nobody else is there. */
async function reading(names: readonly string[]): Promise<Measured> {
  const types = projections.filter(({ name }) => names.includes(name)).flatMap(({ when }) => Object.keys(when));
  const database = await Database.open({ url: process.env['DATABASE_URL'] ?? '', connectionsMax: 2 });
  const store = programsStore(database);
  let events = 0;
  const startedAt = performance.now();
  const pace = new Pace(store);
  const order = { after: 0n, to: await store.head(), types: [...new Set(types)], eventsMax: pace.eventsMax };
  for await (const page of logPages(store, order)) {
    events += page.events.length;
    await pace.rest(page.events.length, null, new AbortController().signal);
  }
  const ms = performance.now() - startedAt;
  await store.close();
  await database.close();
  return { events, ms, proofMs: 0 };
}

async function watched({ side, names }: RebuildJob): Promise<Rebuilt> {
  let peakBytes = 0;
  const look = (): void => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  };
  const looking = every(look, 20);
  try {
    return { ...(await (side === 'rebuilding' ? rebuilding(names) : reading(names))), peakBytes };
  } finally {
    clearInterval(looking);
  }
}

if (process.send !== undefined) {
  process.on('message', (job) => {
    void watched(RebuildJob.parse(job)).then((rebuilt) => process.send?.(rebuilt));
  });
}
