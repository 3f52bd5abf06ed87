import { alone } from '../projecting/alone.js';
import { Pace } from './pace.js';
import { planOf } from './plan.js';
import { orSayWhy } from './problems.js';
import type { Change } from './rebuilds.js';
import { replay, type Replayed } from './replay.js';
import type { Task } from './task.js';

/** Those that replay are taken together, by pass. */
export function replays({ rebuild, goesOn }: Task): boolean {
  return goesOn && rebuild.request !== 'abort' && (rebuild.state === 'planned' || rebuild.state === 'replaying');
}

/** One pass over the log. A pass that is cut off goes on from where each of its builds stands. */
export async function replayPass([first, ...others]: readonly [Task, ...Task[]], signal: AbortSignal): Promise<void> {
  const tasks = [first, ...others];
  const replayed: (Replayed & { readonly task: Task })[] = [];
  for (const task of tasks) {
    await orSayWhy(task, async () => {
      const target = task.rebuild.state === 'planned' ? await begin(task) : task.rebuild.target;
      replayed.push({ task, ...task.replayed(await task.filling(), target) });
    });
  }
  await first.at('begun', signal);
  const { store } = first.parts;
  const throttles = tasks.flatMap(({ rebuild }) => rebuild.throttle ?? []);
  const eventsPerSMax = throttles.length === 0 ? null : Math.min(...throttles);
  await replay(replayed, { store, pace: new Pace(store), eventsPerSMax, signal });
  for (const { filling, target, task } of replayed) {
    if (filling.position >= target) await task.say({ state: 'catching_up' });
  }
}

/** Makes the build and says so, in one transaction: there is never a build that no rebuild knows. */
async function begin({ projection, parts, builds, held }: Task): Promise<bigint> {
  const plan = await planOf(parts, projection);
  return alone(parts.database, projection.name, async (client) => {
    const live = (await builds.locked(client, projection.name)).find(({ state }) => state === 'live');
    const { build } = await builds.begin(client, projection);
    const target = live?.refused === null ? live.position : await parts.store.head();
    const change: Change = { state: 'replaying', build, replaced: live?.build ?? null, plan, target };
    await parts.rebuilds.change(held, change, client);
    return target;
  });
}
