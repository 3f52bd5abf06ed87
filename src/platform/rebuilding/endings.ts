import { inShort, waitForReaders } from './short-transaction.js';
import type { Task } from './task.js';

/** Drops whichever of the two builds readers do not see any more. */
export async function retire(task: Task, signal: AbortSignal): Promise<void> {
  const { projection, parts, rebuild, builds, held } = task;
  const isBack = rebuild.state === 'rolled_back';
  const gone = isBack ? rebuild.build : rebuild.replaced;
  await task.at('retiring', signal);
  await inShort(task, async (client) => {
    const standing = await builds.locked(client, projection.name);
    const build = standing.find((each) => each.build === gone && each.state === 'previous');
    // Somebody may still be reading it since before the switch; the live build's writer must not wait for them.
    await waitForReaders(client);
    if (build !== undefined) await builds.retire(client, build);
    const change = { request: null, problem: null, grace_until: null };
    await parts.rebuilds.change(held, isBack ? change : { ...change, state: 'retired' }, client);
  });
}

/** Drops the new build, which nobody has seen. */
export async function abort(task: Task, signal: AbortSignal): Promise<void> {
  const { projection, parts, rebuild, builds, held } = task;
  await task.at('retiring', signal);
  await inShort(task, async (client) => {
    const standing = await builds.locked(client, projection.name);
    const build = standing.find((each) => each.build === rebuild.build && each.state === 'building');
    await waitForReaders(client);
    if (build !== undefined) await builds.retire(client, build);
    await parts.rebuilds.change(held, { state: 'aborted', request: null }, client);
  });
}
