import type { PoolClient } from 'pg';
import { codeOf } from '../database/error-code.js';
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
    const code = codeOf(error);
    if (code !== lockNotAvailable && code !== deadlockDetected) throw error;
  }
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
const lockNotAvailable = '55P03';
const deadlockDetected = '40P01';
