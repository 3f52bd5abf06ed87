import type { PoolClient } from 'pg';
import { z } from 'zod';
import type { Database } from '../database/database.js';
import { alone } from './alone.js';
import { createIndexes, createTable, createView, definitionOf, quoted } from './ddl.js';
import type { Projection } from './projection.js';
import { ProjectionRefused } from './projection-refused.js';
import type { Table } from './table.js';

/**
 * The builds of each projection: a PostgreSQL schema with its tables, how far it got, and which build is read.
 *
 *   building   being filled by a rebuild, which alone writes it
 *   live       the one that the views in schema `read` show
 *   previous   was live, and is kept up to date for a while so that the switch can be taken back
 *   retired    its tables are gone
 *   scratch    an experiment that nobody reads but who made it
 *
 * The first build of a projection is live from its first row: there is nothing better to show. Every later one comes from a
 * rebuild.
 *
 * A build has one writer, told by its epoch: 0 is nobody, a positive one is that of the projection's lease, a negative one
 * that of the rebuilder's. Whoever takes a build away from its writer sets the epoch to 0; the writer's next batch is refused,
 * and it looks again at what there is to write.
 */
export class Builds {
  constructor(private readonly database: Pick<Database, 'pool'>) {}

  /**
   * What this version of the code keeps up to date: the live build if it is of this version, which is made if there is none at
   * all, and the previous one. Neither, while the live build is of an older version. Rejects with ProjectionRefused.
   */
  async open(projection: Projection): Promise<Opened> {
    return alone(this.database, projection.name, async (client) => {
      const standing = await this.standing(client, projection.name);
      const active = standing.find(({ state }) => state === 'live');
      if (active === undefined) return { live: await this.start(client, projection), previous: undefined };
      const own = standing.filter(({ version }) => version === projection.version);
      if (own.length === 0 && active.version > projection.version) {
        throw ProjectionRefused.older(projection, active.version);
      }
      const definition = definitionOf(projection.tables);
      if (own.some((build) => build.definition !== definition)) throw ProjectionRefused.changed(projection);
      return {
        live: own.find(({ state }) => state === 'live'),
        previous: own.find(({ state }) => state === 'previous'),
      };
    });
  }

  /**
   * Makes the holder of this lease epoch the build's only writer. A statement of the former owner that is under way is waited
   * for and counted; any later one is refused by its epoch.
   */
  async claim({ build, state }: Build, epoch: number): Promise<Build | undefined> {
    const { rows } = await this.database.pool.query(
      `update projecting.builds set epoch = $2
       where build = $1 and epoch <= $2 and state = $3 and paused_at is null returning ${buildColumns}`,
      [build, epoch, state],
    );
    return BuildRows.parse(rows)[0];
  }

  /** Whether somebody with a later lease writes it. Otherwise a claim was refused because the build is not what it was. */
  async isOvertaken({ build }: Build, epoch: number): Promise<boolean> {
    const { rowCount } = await this.database.pool.query(
      'select 1 from projecting.builds where build = $1 and epoch > $2',
      [build, epoch],
    );
    return rowCount === 1;
  }

  /** Whether it is in the state that it was in. */
  async isStill({ build, state }: Build): Promise<boolean> {
    const { rowCount } = await this.database.pool.query(
      'select 1 from projecting.builds where build = $1 and state = $2',
      [build, state],
    );
    return rowCount === 1;
  }

  /** Every build there is, of projections that the code no longer has too. */
  async list(): Promise<readonly Build[]> {
    const { rows } = await this.database.pool.query(
      `select ${buildColumns} from projecting.builds order by projection, build`,
    );
    return BuildRows.parse(rows);
  }

  /** From its commit on, nothing is written any more, until it is resumed. False if nobody knows the projection. */
  async pause(projection: string): Promise<boolean> {
    const { rowCount } = await this.database.pool.query(
      `update projecting.builds set paused_at = coalesce(paused_at, clock_timestamp()), epoch = 0
       where projection = $1 and state in ('live', 'previous')`,
      [projection],
    );
    return rowCount !== 0;
  }

  async resume(projection: string): Promise<boolean> {
    const { rowCount } = await this.database.pool.query(
      `update projecting.builds set paused_at = null where projection = $1 and state in ('live', 'previous')`,
      [projection],
    );
    return rowCount !== 0;
  }

  /** Makes the tables of another build, without the secondary indexes, which are built faster when the rows are there. */
  async begin(client: PoolClient, { name, version, tables }: Projection): Promise<Build> {
    const same = await client.query(
      `select 1 from projecting.builds where projection = $1 and version = $2 and state <> 'scratch'`,
      [name, version],
    );
    const again = same.rows.length > 0 ? `_${String(same.rows.length + 1)}` : '';
    const schema = `${name}_v${String(version)}${again}`;
    await client.query(`create schema ${quoted(schema)}`);
    for (const table of Object.values(tables)) await client.query(createTable(schema, table));
    const { rows } = await client.query(
      `insert into projecting.builds (projection, version, schema, definition, state)
       values ($1, $2, $3, $4, 'building') returning ${buildColumns}`,
      [name, version, schema, definitionOf(tables)],
    );
    return z.tuple([BuildRow]).parse(rows)[0];
  }

  /** Lets the views show this build's tables, and only them. What was live becomes previous, and both are without a writer. */
  async show(
    client: PoolClient,
    { projection, build, schema, refused }: Build,
    tables: readonly Table[],
  ): Promise<Build> {
    if (refused !== null) throw new ProjectionRefused(refused);
    const shown = await client.query(
      `select tablename as name from projecting.active join projecting.builds using (projection, build)
       join pg_tables on schemaname = schema where projection = $1`,
      [projection],
    );
    const names = new Set([...Names.parse(shown.rows), ...tables].map(({ name }) => name));
    for (const name of [...names].sort()) await client.query(`drop view if exists read.${quoted(name)}`);
    for (const table of tables) await client.query(createView(schema, table));
    await client.query(
      `insert into projecting.active (projection, build) values ($1, $2)
       on conflict (projection) do update set build = excluded.build`,
      [projection, build],
    );
    await client.query(
      `update projecting.builds set state = 'previous', epoch = 0 where projection = $1 and state = 'live'`,
      [projection],
    );
    const { rows } = await client.query(
      `update projecting.builds set state = 'live', epoch = 0, live_at = clock_timestamp()
       where build = $1 returning ${buildColumns}`,
      [build],
    );
    return z.tuple([BuildRow]).parse(rows)[0];
  }

  /** Its tables are dropped; that it was there is remembered. */
  async retire(client: PoolClient, { build, schema }: Build): Promise<void> {
    await client.query(`drop schema if exists ${quoted(schema)} cascade`);
    await client.query(
      `update projecting.builds set state = 'retired', epoch = 0, retired_at = clock_timestamp() where build = $1`,
      [build],
    );
  }

  /** Waits for the batches under way, and holds up the next until the transaction ends. */
  async locked(client: PoolClient, projection: string): Promise<readonly Build[]> {
    const { rows } = await client.query(
      `select ${buildColumns} from projecting.builds
       where projection = $1 and state in ('building', 'live', 'previous') order by build for update`,
      [projection],
    );
    return BuildRows.parse(rows);
  }

  private async start(client: PoolClient, projection: Projection): Promise<Build> {
    const build = await this.begin(client, projection);
    const tables = Object.values(projection.tables);
    for (const table of tables) for (const sql of createIndexes(build.schema, table)) await client.query(sql);
    return this.show(client, build, tables);
  }

  private async standing(client: PoolClient, projection: string): Promise<readonly Build[]> {
    const { rows } = await client.query(
      `select ${buildColumns} from projecting.builds where projection = $1 and state in ('live', 'previous')`,
      [projection],
    );
    return BuildRows.parse(rows);
  }
}

export interface Opened {
  readonly live: Build | undefined;
  readonly previous: Build | undefined;
}

export const buildColumns = `build, projection, version, schema, definition, state, position, epoch,
  started_at as "startedAt", moved_at as "movedAt", live_at as "liveAt", retired_at as "retiredAt", paused_at as "pausedAt",
  refused`;

const BuildRow = z.object({
  build: z.string(),
  projection: z.string(),
  version: z.number(),
  schema: z.string(),
  definition: z.string(),
  state: z.enum(['building', 'live', 'previous', 'retired', 'scratch']),
  position: z.coerce.bigint(),
  epoch: z.coerce.number(),
  startedAt: z.date(),
  movedAt: z.date(),
  liveAt: z.date().nullable(),
  retiredAt: z.date().nullable(),
  pausedAt: z.date().nullable(),
  /** Why it must not be read or written any more: the log is no longer the one that it was made from. */
  refused: z.string().nullable(),
});
export type Build = Readonly<z.infer<typeof BuildRow>>;
export const BuildRows = z.array(BuildRow);
const Names = z.array(z.object({ name: z.string() }));
