import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { atLeast, zero, type Fields, type Run } from '../bench/run.js';
import { Dice } from './interleave/dice.js';
import { Caller, type Told } from './under-load/caller.js';
import { installation, type Installation } from './under-load/installation.js';
import { RedisProcess } from './under-load/redis-process.js';
import { ResumingWatcher } from './under-load/resuming-watcher.js';
import { createPrompts, type OpenPrompt } from './under-load/visitors.js';

/**
 * Api processes and Redis are killed at random moments while people use a prompt and others watch it. Watchers come back and go
 * on from where they were; then each of them must have been told, once, of everything that somebody was told has happened.
 *
 * What somebody sees of a prompt ends ten seconds before and after their own prompt time. Everybody's clock shows the same here,
 * so only a like whose answer took long may rightly be unseen: those are left out of what must not be missed, and counted.
 */
export const live: Run<'seconds' | 'seed' | 'watchers' | 'visitors' | 'each'> = {
  name: 'live',
  describe: 'Redis and api processes are killed with SIGKILL under watchers that come back and resume.',
  options: {
    seconds: { default: 60, describe: 'how long the load lasts' },
    seed: { default: 1, describe: 'chooses whom to kill, and when' },
    watchers: { default: 20, describe: 'watchers at once' },
    visitors: { default: 8, describe: 'people who like something all the time' },
    each: { default: 3, describe: 'api processes' },
  },
  secondsMax: ({ seconds }) => seconds + 150,
  targets: [...['missed', 'doubled', 'dropped', 'unanswered', 'crashes'].map(zero), atLeast('events', 1)],
  run: async ({ seconds, seed, watchers, visitors, each }, stage) => {
    const redis = await RedisProcess.start(stage);
    if (redis === undefined)
      stage.say('SKIPPED for want of a redis-server: killing Redis. Processes are killed all the same.');
    const settings = redis === undefined ? {} : { REDIS_URL: redis.url };
    const installed = await installation(stage, { api: each, worker: 1 }, settings);
    const givenUp = AbortSignal.any([AbortSignal.timeout((seconds + answersSecondsMax) * 1_000), stage.signal]);
    const urls = installed.apis.map(({ url }) => url);
    const caller = new Caller(urls, givenUp);
    const [prompt] = await createPrompts(caller, installed, [seconds + 300]);
    if (prompt === undefined) throw new Error('No prompt could be created.');
    const beganAt = performance.now();
    const promptTime = (): number => (performance.now() - beganAt) / 1_000;

    const gone = new AbortController();
    const everybodyGone = AbortSignal.any([gone.signal, stage.signal]);
    const crowd = Array.from({ length: watchers }, (_, nth) => new ResumingWatcher({ urls, prompt, promptTime }, nth));
    const watching = crowd.map((watcher) => watcher.watchUntil(everybodyGone));
    await until(() => crowd.every(({ isWatching }) => isWatching), stage.signal);

    stage.say(`${String(watchers)} watchers and ${String(visitors)} visitors for ${String(seconds)} s`);
    const over = AbortSignal.any([AbortSignal.timeout(seconds * 1_000), stage.signal]);
    const visits = Array.from({ length: visitors }, (_, nth) =>
      visitUntil(over, { caller, installed, prompt, promptTime }, `visitor-${String(nth)}`),
    );
    const [kills] = await Promise.all([killUntil(over, { installed, redis }, new Dice(seed)), ...visits]);

    const likes = acknowledgedLikes(caller.told);
    await until(() => crowd.every(({ seen }) => likes.inTime.every((uid) => seen.has(uid))), stage.signal);
    // Whatever would be told twice has had its time, too.
    await sleep(afterMs);
    gone.abort();
    await Promise.all(watching);
    return {
      seconds,
      seed,
      redis: redis === undefined ? 'skipped' : 'killed',
      kills: { ...kills, all: kills.api + kills.redis },
      watchers,
      events: likes.inTime.length,
      too_late_to_count: likes.late,
      retried: caller.told.filter(({ attempts }) => attempts > 1).length,
      unanswered: caller.unanswered,
      crashes: installed.crashes(),
      ...counted(crowd, likes.inTime),
    };
  },
};

interface World {
  readonly caller: Caller;
  readonly installed: Installation;
  readonly prompt: OpenPrompt;
  readonly promptTime: () => number;
}

const StartedSession = z.object({ jwt: z.string(), session_uid: z.string() });

async function visitUntil(over: AbortSignal, world: World, sub: string): Promise<void> {
  const { caller, installed, prompt, promptTime } = world;
  const person = installed.person(sub);
  const started = await caller.command('interactive_prompts/start', person, { interactive_prompt_uid: prompt.uid });
  if (started?.status !== 201) throw new Error(`${sub} was refused: ${JSON.stringify(started?.body)}`);
  const { jwt, session_uid } = StartedSession.parse(started.body);
  const about = { interactive_prompt_uid: prompt.uid, interactive_prompt_jwt: jwt, session_uid, data: {} };
  for (let what = 'join'; !over.aborted; what = 'like') {
    await caller.command(`interactive_prompts/events/${what}`, person, { ...about, prompt_time: promptTime() });
    await sleep(likePauseMs, undefined, { signal: over }).catch(() => undefined);
  }
}

async function killUntil(
  over: AbortSignal,
  { installed, redis }: { installed: Installation; redis: RedisProcess | undefined },
  dice: Dice,
): Promise<{ api: number; redis: number }> {
  const kills = { api: 0, redis: 0 };
  for (;;) {
    await sleep(300 + dice.below(1_700), undefined, { signal: over }).catch(() => undefined);
    if (over.aborted) return kills;
    const victim = redis !== undefined && dice.oneIn(2) ? 'redis' : 'api';
    if (victim === 'redis') redis?.kill(dice.below(1_500));
    else dice.pick(installed.apis).kill(dice.below(1_500));
    kills[victim] += 1;
  }
}

function acknowledgedLikes(told: readonly Told[]): { readonly inTime: readonly string[]; readonly late: number } {
  const likes = told.filter(({ route }) => route.endsWith('/like'));
  const refused = likes.find(({ status }) => status !== 201);
  if (refused !== undefined) throw new Error(`A like was refused: ${JSON.stringify(refused.body)}`);
  const inTime = likes.filter(({ sentAt, answeredAt }) => answeredAt - sentAt < inTimeMsMax);
  return { inTime: inTime.map(({ body }) => Liked.parse(body).uid), late: likes.length - inTime.length };
}

const Liked = z.object({ uid: z.string() });

function counted(crowd: readonly ResumingWatcher[], likes: readonly string[]): Fields {
  const sum = (of: (watcher: ResumingWatcher) => number): number =>
    crowd.reduce((soFar, watcher) => soFar + of(watcher), 0);
  return {
    deliveries: sum(({ seen }) => seen.size),
    reconnects: sum(({ reconnects }) => reconnects),
    missed: sum(({ seen }) => likes.filter((uid) => !seen.has(uid)).length),
    doubled: sum(({ seen }) => [...seen.values()].filter((times) => times > 1).length),
    dropped: sum(({ dropped }) => dropped),
  };
}

/** Or until all the time it may need is over: then the count shows what is missing. */
async function until(holds: () => boolean, signal: AbortSignal): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  while (!holds() && performance.now() < giveUpAt) {
    signal.throwIfAborted();
    await sleep(50);
  }
}

const answersSecondsMax = 60;
const patienceMs = 30_000;
const likePauseMs = 40;
const afterMs = 600;
/** Half of what the windows allow: the other half is for a process that reads late. */
const inTimeMsMax = 5_000;
