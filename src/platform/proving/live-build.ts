import { z } from 'zod';
import type { Database } from '../database/database.js';
import type { Projection } from '../projecting/projection.js';
import type { Querying } from './querying.js';

/** What the views in `read` show of a projection, as one snapshot has it. */
export interface LiveBuild {
  readonly build: string;
  readonly version: number;
  readonly schema: string;
  /** Its rows hold every event up to here, but for those in `without`. */
  readonly position: bigint;
  /** The positions of its dead letters, undecided or skipped. */
  readonly without: ReadonlySet<bigint>;
}

/**
 * One snapshot for everything that `work` asks: rows and position belong together. Nothing is written. What is asked may go through
 * whole tables, while people wait for the database's other processors: so it is content with one.
 */
export async function inSnapshot<Result>(
  database: Pick<Database, 'pool'>,
  work: (client: Querying) => Promise<Result>,
): Promise<Result> {
  const client = await database.pool.connect();
  let isWhole = false;
  try {
    await client.query('begin isolation level repeatable read read only');
    await client.query('set local max_parallel_workers_per_gather = 0');
    const result = await work(client);
    await client.query('commit');
    isWhole = true;
    return result;
  } finally {
    // A connection that may still be in a transaction is of no use to anybody.
    client.release(!isWhole);
  }
}

/** Undefined when the projection has no build yet. */
export async function liveBuildOf(
  client: Querying,
  { name }: Pick<Projection, 'name'>,
): Promise<LiveBuild | undefined> {
  const { rows } = await client.query(
    `select b.build, b.version, b.schema, b.position, array(
       select d.position from projecting.dead_letters d where d.build = b.build and (d.state <> 'resolved' or d.skipped_at is not null)
     ) as without
     from projecting.active a join projecting.builds b using (build) where a.projection = $1`,
    [name],
  );
  return LiveBuilds.parse(rows)[0];
}

const LiveBuilds = z.array(
  z.object({
    build: z.string(),
    version: z.number(),
    schema: z.string(),
    position: z.coerce.bigint(),
    without: z.array(z.coerce.bigint()).transform((positions) => new Set(positions)),
  }),
);
