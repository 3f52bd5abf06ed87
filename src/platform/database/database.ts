import pg from 'pg';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { migrations } from '../../../migrations/registry.js';
import { DatabaseUnusable } from './errors.js';

export interface DatabaseOptions {
  readonly url: string;
  readonly connectionsMax: number;
  readonly applicationName?: string;
  /** A connection that was idle and broke. The pool has already replaced it; whoever logs may want to know. */
  readonly onIdleError?: (error: Error) => void;
  /** Only these migrations, by name: to make the tables that a backup was taken from. */
  readonly migrations?: readonly string[];
}

/** Any constant: it only has to be the same in every process that migrates the same database. */
const migrationLock = 7_021_931_465;
const connectMsMax = 5_000;
const serverVersionMin = 160_000;

/**
 * One pool of connections for everything: TypeORM reads through it, and the log, which needs prepared statements and
 * binary-clean control of its transactions, uses the same pool directly.
 */
export class Database {
  private constructor(
    readonly url: string,
    readonly dataSource: DataSource,
    readonly pool: pg.Pool,
  ) {}

  static async open(options: DatabaseOptions): Promise<Database> {
    const dataSource = new DataSource({
      type: 'postgres',
      driver: pg,
      url: options.url,
      poolSize: options.connectionsMax,
      connectTimeoutMS: connectMsMax,
      applicationName: options.applicationName ?? 'chorus',
      installExtensions: false,
      migrations: migrations.filter(({ name }) => options.migrations?.includes(name) ?? true),
      migrationsTableName: 'migrations',
      poolErrorHandler: (error: Error) => options.onIdleError?.(error),
      extra: { keepAlive: true },
    });
    try {
      await dataSource.initialize();
    } catch (error) {
      throw unreachable(options.url, error);
    }
    const database = new Database(options.url, dataSource, outlivingLostConnections(poolOf(dataSource)));
    await database.refuseOldServer();
    return database;
  }

  /**
   * Runs the migrations that this database has not seen, each in its own transaction, and answers their names.
   *
   * Several processes may start at once: a session lock lets one of them work while the others wait and then find nothing
   * left to do.
   */
  async migrate(): Promise<string[]> {
    const connection = await this.pool.connect();
    try {
      await connection.query('select pg_advisory_lock($1)', [migrationLock]);
      await this.refuseNewerSchema();
      const done = await this.dataSource.runMigrations({ transaction: 'each' });
      await this.refuseHalfRestored();
      return done.map((migration) => migration.name);
    } finally {
      // The connection ends with the lock it holds: a failed unlock could otherwise stop every later start.
      connection.release(true);
    }
  }

  /** What `migrate` would run. */
  async pendingMigrations(): Promise<string[]> {
    const done = new Set(await this.doneMigrations());
    return migrations.map(({ name }) => name).filter((name) => !done.has(name));
  }

  /** In the order in which they ran. */
  async doneMigrations(): Promise<readonly string[]> {
    const { rows } = await this.pool.query(`select to_regclass('migrations') is not null as present`);
    const [{ present }] = z.tuple([z.object({ present: z.boolean() })]).parse(rows);
    if (!present) return [];
    return Names.parse((await this.pool.query('select name from migrations order by id')).rows).map(({ name }) => name);
  }

  /** What a newer program has made of the tables, this one would read wrongly, and write worse. */
  private async refuseNewerSchema(): Promise<void> {
    const known = new Set(migrations.map(({ name }) => name));
    const unknown = (await this.doneMigrations()).filter((name) => !known.has(name));
    if (unknown.length === 0) return;
    throw new DatabaseUnusable(
      `The database at ${withoutPassword(this.url)} has been migrated by a newer program (${unknown.join(', ')}), and this one does not know what that means: start the newer program, or restore a backup from before.`,
    );
  }

  /** Part of a log looks like a log. */
  private async refuseHalfRestored(): Promise<void> {
    const half = await this.restoring();
    if (half === undefined) return;
    throw new DatabaseUnusable(
      `A restore of ${half} into the database at ${withoutPassword(this.url)} has not come to its end: run it again ("chorus restore").`,
    );
  }

  /** The backup that is being restored, or was being restored when somebody ended that. */
  async restoring(): Promise<string | undefined> {
    const known = await this.pool.query(`select to_regclass('log.epoch') is not null as present`);
    const [{ present }] = z.tuple([z.object({ present: z.boolean() })]).parse(known.rows);
    if (!present) return undefined;
    const { rows } = await this.pool.query('select restoring from log.epoch where restoring is not null');
    return z.array(z.object({ restoring: z.string() })).parse(rows)[0]?.restoring;
  }

  async close(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  private async refuseOldServer(): Promise<void> {
    const { rows } = await this.pool.query('show server_version_num');
    const [{ server_version_num: version }] = z
      .tuple([z.object({ server_version_num: z.coerce.number() })])
      .parse(rows);
    if (version >= serverVersionMin) return;
    await this.close();
    throw new DatabaseUnusable(
      `The server at ${withoutPassword(this.url)} is PostgreSQL ${String(Math.floor(version / 10_000))}, but 16 or newer is needed.`,
    );
  }
}

const Names = z.array(z.object({ name: z.string() }));

/** For messages and logs. */
export function withoutPassword(url: string): string {
  const shown = new URL(url);
  shown.password = '';
  shown.search = '';
  return shown.href;
}

function poolOf({ driver }: DataSource): pg.Pool {
  const pool: unknown = 'master' in driver ? driver.master : undefined;
  if (pool instanceof pg.Pool) return pool;
  throw new TypeError('This version of TypeORM keeps its pool somewhere else.');
}

/**
 * A client that loses its connection emits an error, which ends the process if nobody listens. The pool listens while a client is
 * idle, and while one is held by somebody this does: they hear of the loss from what they ask next.
 */
function outlivingLostConnections(pool: pg.Pool): pg.Pool {
  const ignore = (): void => undefined;
  pool.on('acquire', (client) => client.on('error', ignore));
  pool.on('release', (_, client) => client.off('error', ignore));
  return pool;
}

function unreachable(url: string, error: unknown): DatabaseUnusable {
  return new DatabaseUnusable(`The database at ${withoutPassword(url)} cannot be used: ${reasonOf(error)}.`, {
    cause: error,
  });
}

/** A refused connection is an AggregateError with an empty message when a name has several addresses. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ');
  return error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
}
