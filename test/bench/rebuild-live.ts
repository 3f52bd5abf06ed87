import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { issueUserToken } from '../../src/platform/auth/tokens.js';
import { Database } from '../../src/platform/database/database.js';
import { RebuildProgress } from '../../src/platform/rebuilding/rebuild-progress.js';
import type { RebuildState } from '../../src/platform/rebuilding/rebuild.js';
import { aServer } from './a-server.js';
import { aChild, aCrowd, aProgram, caughtUp, messageOf, post, secrets, type BenchProgram } from './http-sides.js';
import { machineMs } from './machine-clock.js';
import { fillPromptLog } from './prompt-log.js';
import { endLoad, LiveSeen, type LiveLoad } from './rebuild-load-process.js';
import { alternate, median, rounded } from './rounds.js';
import type { Fields, Stage } from './run.js';

/**
 * What people notice of a rebuild: the program in all its roles in one process, with likes, queries and readers at a steady rate,
 * all over HTTP but for one reader of the rows themselves. Rounds in which nothing else happens take turns with rounds in which
 * both read models are rebuilt, switched, rolled back and cleared away, again and again, all by requests of an administrator.
 *
 * A pause is the longest time that a reader was without an answer, from the request for a switch until it was over. What the
 * readers are without anyway stands beside it.
 */
export async function beside({ events, rounds, seconds }: Given, stage: Stage): Promise<Fields> {
  const server = await aServer(stage);
  const url = await server.freshDatabase('live');
  const database = await Database.open({ url, connectionsMax: 4 });
  await database.migrate();
  await fillPromptLog(database, events);
  await database.pool.query('vacuum analyze');
  await database.close();
  stage.say(`The log has its ${String(events)} events.`);
  const program = await aProgram('./live-program.js', url, server.folder, stage);
  await caughtUp(program, stage.signal);
  stage.say('Every read model has seen them.');

  const live = { program, databaseUrl: url, stage };
  const sides = {
    alone: () => underLoad(live, () => sleep(seconds * 1_000).then(() => [])),
    beside: () => underLoad(live, () => rebuildsFor(live, seconds)),
  };
  await alternate(
    { warm: () => underLoad(live, () => sleep(Math.min(2, seconds) * 1_000).then(() => [])) },
    { rounds: 1, signal: stage.signal },
  );
  const found = await alternate(sides, {
    rounds,
    signal: stage.signal,
    after: (side, { seen, pauses }) => {
      const parts = pauses.map(({ of, ms }) => `${of} ${String(Math.round(ms))} ms`);
      stage.say(`${side}: p99 of likes ${seen.appendP99Ms.toFixed(1)} ms ${parts.join(', ')}`);
    },
  });
  return summary(events, found);
}

interface Given {
  readonly events: number;
  readonly rounds: number;
  readonly seconds: number;
}

interface Live {
  readonly program: BenchProgram;
  readonly databaseUrl: string;
  readonly stage: Stage;
}

interface Round {
  readonly seen: LiveSeen;
  readonly pauses: readonly Pause[];
  readonly longestGapMs: number;
}

interface Pause {
  readonly of: 'switch' | 'rollback';
  readonly ms: number;
}

interface Window {
  readonly of: Pause['of'];
  readonly from: number;
  readonly to: number;
}

const likesPerS = 100;
const queriesPerS = 50;
/** So many that hardly any like has to wait for somebody who waits for an answer. */
const crowd = { people: 64, prompts: 1 };
const names = ['prefix_sums', 'event_counts'] as const;
const adminToken = (): string => issueUserToken(secrets.OSEH_ID_TOKEN_SECRET, { sub: 'administrator', admin: true });

function summary(events: number, found: ReadonlyMap<'alone' | 'beside', readonly Round[]>): Fields {
  const rounds = (side: 'alone' | 'beside'): readonly Round[] => found.get(side) ?? [];
  const middle = (side: 'alone' | 'beside', of: (seen: LiveSeen) => number): number =>
    median(rounds(side).map(({ seen }) => of(seen)));
  const p99 = (side: 'alone' | 'beside'): number => middle(side, ({ appendP99Ms }) => appendP99Ms);
  const all = [...rounds('alone'), ...rounds('beside')];
  const sum = (of: (seen: LiveSeen) => number): number => all.reduce((total, { seen }) => total + of(seen), 0);
  const pauses = rounds('beside').flatMap((round) => round.pauses);
  const longest = (of: Pause['of']): number => Math.max(...pauses.filter((each) => each.of === of).map(({ ms }) => ms));
  return {
    events,
    appends_per_s: likesPerS,
    append_p99_ms_without: rounded(p99('alone')),
    append_p99_ms_with: rounded(p99('beside')),
    append_p99_ratio: rounded(p99('beside') / p99('alone')),
    append_p50_ms_without: rounded(middle('alone', ({ appendP50Ms }) => appendP50Ms)),
    append_p50_ms_with: rounded(middle('beside', ({ appendP50Ms }) => appendP50Ms)),
    query_p99_ms_without: rounded(middle('alone', ({ queryP99Ms }) => queryP99Ms)),
    query_p99_ms_with: rounded(middle('beside', ({ queryP99Ms }) => queryP99Ms)),
    switches: pauses.filter(({ of }) => of === 'switch').length,
    switch_pause_ms: rounded(longest('switch')),
    rollback_pause_ms: rounded(longest('rollback')),
    pause_ms_without: rounded(Math.max(...rounds('alone').map(({ longestGapMs }) => longestGapMs))),
    appends: sum(({ appends }) => appends),
    append_errors: sum(({ appendErrors }) => appendErrors),
    queries: sum(({ queries }) => queries),
    query_errors: sum(({ queryErrors }) => queryErrors),
  };
}

/** People of its own for each round: a session ends with its prompt. */
async function underLoad(live: Live, work: () => Promise<readonly Window[]>): Promise<Round> {
  const people = await aCrowd(live.program, crowd);
  await caughtUp(live.program, live.stage.signal);
  const child = aChild('./rebuild-load-process.js', { PATH: process.env['PATH'] }, live.stage);
  const { url } = live.program;
  const given = { url, databaseUrl: live.databaseUrl, people, adminToken: adminToken(), likesPerS, queriesPerS };
  child.send(given satisfies LiveLoad);
  const windows = await work();
  child.send(endLoad);
  const seen = LiveSeen.parse(await messageOf(child));
  child.kill();
  const gaps = seen.answeredAt.flatMap(gapsOf);
  const pauses = windows.map(({ of, from, to }) => ({
    of,
    ms: longestOf(gaps.filter((gap) => gap.to > from && gap.from < to)),
  }));
  return { seen, pauses, longestGapMs: longestOf(gaps) };
}

interface Gap {
  readonly from: number;
  readonly to: number;
}

function gapsOf(answeredAt: readonly number[]): readonly Gap[] {
  return answeredAt.slice(1).map((to, before) => ({ from: answeredAt[before] ?? to, to }));
}

const longestOf = (gaps: readonly Gap[]): number => Math.max(0, ...gaps.map(({ from, to }) => to - from));

/** At least once, and then until the time is over. */
async function rebuildsFor(live: Live, seconds: number): Promise<readonly Window[]> {
  const windows: Window[] = [];
  const until = performance.now() + seconds * 1_000;
  do {
    await ask(live, names[0], 'rebuild', { together_with: names.slice(1) });
    for (const name of names) await reached(live, name, 'ready');
    for (const name of names) windows.push(await turned(live, name, 'switch'));
    for (const name of names) windows.push(await turned(live, name, 'rollback'));
    for (const name of names) await ask(live, name, 'retire');
    for (const name of names) await cleared(live, name);
  } while (performance.now() < until);
  return windows;
}

async function turned(live: Live, name: string, order: Window['of']): Promise<Window> {
  const from = machineMs();
  await ask(live, name, order);
  await reached(live, name, order === 'switch' ? 'switched' : 'rolled_back');
  // Readers may notice it a moment later.
  await sleep(200);
  return { of: order, from, to: machineMs() };
}

function ask({ program }: Live, name: string, order: string, body: object = {}): Promise<unknown> {
  return post(program, `admin/projections/${name}/${order}`, adminToken(), body);
}

const Standing = z.object({ previous: z.object({}).nullable(), rebuild: RebuildProgress.nullable() });

async function reached(live: Live, name: string, state: RebuildState): Promise<void> {
  await until(live, name, ({ rebuild }) => rebuild?.state === state && rebuild.request === null);
}

async function cleared(live: Live, name: string): Promise<void> {
  await until(live, name, ({ previous }) => previous === null);
}

async function until(
  { program, stage }: Live,
  name: string,
  isSo: (standing: z.infer<typeof Standing>) => boolean,
): Promise<void> {
  for (;;) {
    stage.signal.throwIfAborted();
    const response = await fetch(`${program.url}/api/1/admin/projections/${name}`, {
      headers: { authorization: `bearer ${adminToken()}` },
    });
    const standing = Standing.parse(await response.json());
    if (typeof standing.rebuild?.problem === 'string') throw new Error(standing.rebuild.problem);
    if (isSo(standing)) return;
    await sleep(50);
  }
}
