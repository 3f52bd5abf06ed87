import type { PoolClient } from 'pg';
import { codeOf, lockNotAvailable } from '../database/error-code.js';
import { alone } from '../projecting/alone.js';
import type { Task } from './task.js';

/**
 * A change of builds that holds up the live build's writer while it lasts. It waits for a batch under way; where somebody else
 * is in the way for longer, nothing has changed, and the next look at the row tries again.
 */
export async function inShort(
  { parts, projection }: Pick<Task, 'parts' | 'projection'>,
  work: (client: PoolClient) => Promise<void>,
): Promise<void> {
  try {
    await alone(parts.database, projection.name, async (client) => {
      await waitForLocks(client, writerMsMax);
      await work(client);
    });
  } catch (error) {
    if (!isInTheWay(error)) throw error;
  }
}

/**
 * Does what readers must not be in the middle of. Whoever reads one table and then another may hold the one view while we have
 * the other: then neither can go on, and we let go at once and begin anew. Each time it waits longer, for queries that take longer.
 */
export async function besideReaders(client: PoolClient, work: () => Promise<void>): Promise<void> {
  for (const ms of [5, 10, 20, 40]) {
    await client.query('savepoint beside_readers');
    try {
      await waitForLocks(client, ms);
      await work();
      return;
    } catch (error) {
      if (!isInTheWay(error)) throw error;
      await client.query('rollback to savepoint beside_readers');
    }
  }
  await waitForReaders(client);
  await work();
}

function isInTheWay(error: unknown): boolean {
  const code = codeOf(error);
  return code === lockNotAvailable || code === deadlockDetected;
}

/** From now on it waits only so long for whoever is in the way: for a query under way, not for one that takes minutes. */
export function waitForReaders(client: PoolClient): Promise<unknown> {
  return waitForLocks(client, readerMsMax);
}

function waitForLocks(client: PoolClient, ms: number): Promise<unknown> {
  return client.query(`set local lock_timeout = ${String(ms)}`);
}

/** For the batch under way. Only the writer of the live build stands behind us meanwhile. */
const writerMsMax = 2_000;
/** For the queries under way. Everybody who asks stands behind us meanwhile. */
const readerMsMax = 100;
const deadlockDetected = '40P01';
