import type { PoolClient } from 'pg';
import { z } from 'zod';
import type { Database } from '../database/database.js';
import { createIndexes, createTable, createView, definitionOf, quoted } from './ddl.js';
import type { Projection } from './projection.js';

/**
 * The builds of each projection: a PostgreSQL schema with its tables, how far it got, and which build is read.
 *
 *   building   catching up beside the build that is read
 *   live       the one that the views in schema `read` show
 *   retired    was live; kept as it was
 *
 * The first build of a projection is live from its first row: there is nothing better to show. A later version starts beside
 * the live build and takes its place, in one transaction, once it has come at least as far.
 */
export class Builds {
  constructor(private readonly database: Pick<Database, 'pool'>) {}

  /** The build that this version of the code works on; made if there is none yet. Rejects with ProjectionRefused. */
  async open(projection: Projection): Promise<Build> {
    return this.alone(projection.name, async (client) => {
      const active = await this.activeOf(client, projection.name);
      if (active === undefined) return this.start(client, projection, 'live');
      if (active.version > projection.version) throw ProjectionRefused.older(projection, active.version);
      const own = active.version === projection.version ? active : await this.unfinished(client, projection);
      if (own === undefined) return this.start(client, projection, 'building');
      if (own.definition !== definitionOf(projection.tables)) throw ProjectionRefused.changed(projection);
      return own;
    });
  }

  /**
   * Makes the holder of this lease epoch the build's only writer. A statement of the former owner that is under way is waited
   * for and counted; any later one is refused by its epoch.
   */
  async claim({ build }: Build, epoch: number): Promise<Build | undefined> {
    const { rows } = await this.database.pool.query(
      `update projecting.builds set epoch = $2 where build = $1 and epoch <= $2 and state <> 'retired' returning ${columns}`,
      [build, epoch],
    );
    return BuildRows.parse(rows)[0];
  }

  /** Bulk loading is faster without them. Nobody reads the build yet, so they need not be built around readers. */
  async index({ schema }: Build, projection: Projection): Promise<void> {
    for (const table of Object.values(projection.tables)) {
      for (const sql of createIndexes(schema, table)) await this.database.pool.query(sql);
    }
  }

  /** A look without locks, before the switch is tried. */
  async hasCaughtUp({ projection, position }: Build): Promise<boolean> {
    const { rows } = await this.database.pool.query(
      `select 1 from projecting.builds where projection = $1 and state = 'live' and position > $2`,
      [projection, position],
    );
    return rows.length === 0;
  }

  /** True when the views now show this build; false when the live build is ahead of it. */
  async switchTo(build: Build, projection: Projection): Promise<boolean> {
    return this.alone(projection.name, async (client) => {
      const { rows } = await client.query(
        `select ${columns} from projecting.builds where projection = $1 and state <> 'retired' order by build for update`,
        [projection.name],
      );
      const builds = BuildRows.parse(rows);
      const own = builds.find((each) => each.build === build.build);
      const live = builds.find((each) => each.state === 'live');
      if (own?.epoch !== build.epoch || (live !== undefined && live.position > own.position)) return false;
      for (const older of builds) if (older.version < own.version) await this.retire(client, older);
      await this.show(client, own, projection);
      return true;
    });
  }

  /** Every build there is, of projections that the code no longer has too. */
  async list(): Promise<readonly Build[]> {
    const { rows } = await this.database.pool.query(
      `select ${columns} from projecting.builds order by projection, build`,
    );
    return BuildRows.parse(rows);
  }

  private async start(client: PoolClient, projection: Projection, state: 'building' | 'live'): Promise<Build> {
    const { name, version, tables } = projection;
    const same = await client.query('select 1 from projecting.builds where projection = $1 and version = $2', [
      name,
      version,
    ]);
    const again = same.rows.length > 0 ? `_${String(same.rows.length + 1)}` : '';
    const schema = `${name}_v${String(version)}${again}`;
    await client.query(`create schema ${quoted(schema)}`);
    for (const table of Object.values(tables)) {
      await client.query(createTable(schema, table));
      if (state === 'live') for (const sql of createIndexes(schema, table)) await client.query(sql);
    }
    const { rows } = await client.query(
      `insert into projecting.builds (projection, version, schema, definition, state)
       values ($1, $2, $3, $4, 'building') returning ${columns}`,
      [name, version, schema, definitionOf(tables)],
    );
    const [build] = z.tuple([BuildRow]).parse(rows);
    return state === 'live' ? this.show(client, build, projection) : build;
  }

  private async show(client: PoolClient, { build, schema }: Build, { name, tables }: Projection): Promise<Build> {
    for (const table of Object.values(tables)) {
      await client.query(`drop view if exists read.${quoted(table.name)}`);
      await client.query(createView(schema, table));
    }
    await client.query(
      `insert into projecting.active (projection, build) values ($1, $2)
       on conflict (projection) do update set build = excluded.build`,
      [name, build],
    );
    const { rows } = await client.query(
      `update projecting.builds set state = 'live', live_at = clock_timestamp() where build = $1 returning ${columns}`,
      [build],
    );
    return z.tuple([BuildRow]).parse(rows)[0];
  }

  private async retire(client: PoolClient, { build, schema, state }: Build): Promise<void> {
    const { rows } = await client.query('select tablename as name from pg_tables where schemaname = $1', [schema]);
    const shown = state === 'live' ? Names.parse(rows) : [];
    for (const { name } of shown) await client.query(`drop view if exists read.${quoted(name)}`);
    await client.query(
      `update projecting.builds set state = 'retired', retired_at = clock_timestamp() where build = $1`,
      [build],
    );
  }

  private async activeOf(client: PoolClient, projection: string): Promise<Build | undefined> {
    const { rows } = await client.query(
      `select ${columns} from projecting.builds where build = (select build from projecting.active where projection = $1)`,
      [projection],
    );
    return BuildRows.parse(rows)[0];
  }

  private async unfinished(client: PoolClient, { name, version }: Projection): Promise<Build | undefined> {
    const { rows } = await client.query(
      `select ${columns} from projecting.builds where projection = $1 and version = $2 and state = 'building'`,
      [name, version],
    );
    return BuildRows.parse(rows)[0];
  }

  /** One transaction at a time per projection, whatever versions of the code are running. */
  private async alone<Result>(projection: string, work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.database.pool.connect();
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
}

const columns = `build, projection, version, schema, definition, state, position, epoch,
  started_at as "startedAt", moved_at as "movedAt", live_at as "liveAt", retired_at as "retiredAt"`;

const BuildRow = z.object({
  build: z.string(),
  projection: z.string(),
  version: z.number(),
  schema: z.string(),
  definition: z.string(),
  state: z.enum(['building', 'live', 'retired']),
  position: z.coerce.bigint(),
  epoch: z.coerce.number(),
  startedAt: z.date(),
  movedAt: z.date(),
  liveAt: z.date().nullable(),
  retiredAt: z.date().nullable(),
});
export type Build = Readonly<z.infer<typeof BuildRow>>;
const BuildRows = z.array(BuildRow);
const Names = z.array(z.object({ name: z.string() }));

/** This version of the code must not work on this projection. A person has to do something about it. */
export class ProjectionRefused extends Error {
  override readonly name = 'ProjectionRefused';

  static older({ name, version }: Projection, active: number): ProjectionRefused {
    return new ProjectionRefused(
      `${name}: this program has version ${String(version)}, but version ${String(active)} is live. Deploy the newer program again, or raise the version.`,
    );
  }

  static changed({ name, version }: Projection): ProjectionRefused {
    return new ProjectionRefused(
      `${name}: its tables were changed, but it is still version ${String(version)}. Raise the version, and a new build starts.`,
    );
  }
}
