import type { PoolClient } from 'pg';
import type { Database } from '../database/database.js';
import { ProjectionRefused } from './projection-refused.js';

/** One transaction at a time per projection that changes which builds there are, whatever versions of the code are running. */
export async function alone<Result>(
  database: Pick<Database, 'pool'>,
  projection: string,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await database.pool.connect();
  let failed: Error | undefined;
  try {
    await client.query('begin');
    await client.query(`select pg_advisory_xact_lock(hashtextextended('projecting ' || $1, 0))`, [projection]);
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    failed = error instanceof Error ? error : new Error('Something that is not an error was thrown.');
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release(failed instanceof ProjectionRefused ? undefined : failed);
  }
}
