import { basename } from 'node:path';
import { z } from 'zod';
import { CannotStart } from '../config/cannot-start.js';
import { Database } from '../database/database.js';
import { codeOf, lockNotAvailable } from '../database/error-code.js';
import type { BackupRow, Head, TableStart } from './backup-format.js';
import { durableTables, forgetLater } from './durable-tables.js';
import { readBackup, verifyBackup, type BackupPart } from './read-backup.js';
import { TableLoad, type Connection } from './table-load.js';
import { Until } from './until.js';

export interface RestoreOrder {
  readonly file: string;
  /** Only the log: to be looked at, not to be gone on with. */
  readonly logOnly?: boolean;
  readonly upTo?: bigint | Date;
  readonly onRows?: (rows: number, table: string) => void;
}

export interface Restored {
  readonly head: Head;
  /** Where the log ends now. */
  readonly position: bigint;
  readonly rows: Readonly<Record<string, number>>;
}

/**
 * Into a database without anything in it. The file is checked first, then the database says that it is being restored, so that
 * no program starts on it, and then one transaction puts everything there and takes that back. Cut off anywhere, it is either
 * done or can be run again.
 *
 * The log gets another identity: whatever remembers the former one, and could be ahead of this log, then notices.
 */
export async function restoreBackup(database: Database, order: RestoreOrder): Promise<Restored> {
  const { head } = await verifyBackup(order.file);
  const connection = await database.pool.connect();
  try {
    await keepOthersOut(connection);
    await refusePrograms(connection);
    await makeTables(database, head);
    await refuseContent(connection);
    await connection.query('update log.epoch set restoring = $1', [basename(order.file)]);
    await connection.query('begin');
    await connection.query(`set local timezone = 'UTC'`);
    const loaded = await load(connection, order);
    await connection.query('commit');
    await connection.query('analyze log.events');
    return { head, ...loaded };
  } finally {
    // It holds the lock, and perhaps a transaction.
    connection.release(true);
  }
}

/** Any constant, the same in every program. */
export const restoreLock = 7_021_931_466;
/** Who has just been refused, or killed, may hold the lock for a moment longer. */
const restoreLockMsMax = 2_000;

async function keepOthersOut(connection: Connection): Promise<void> {
  await connection.query(`set lock_timeout = ${String(restoreLockMsMax)}`);
  try {
    await connection.query('select pg_advisory_lock($1)', [restoreLock]);
  } catch (error) {
    if (codeOf(error) !== lockNotAvailable) throw error;
    throw new CannotStart('Another restore into this database is under way.');
  }
  await connection.query('reset lock_timeout');
}

async function refusePrograms(connection: Connection): Promise<void> {
  const { rows } = await connection.query(
    `select distinct application_name as program from pg_stat_activity
     where datname = current_database() and application_name in ('chorus all', 'chorus api', 'chorus worker')`,
  );
  const programs = Programs.parse(rows).map(({ program }) => program);
  if (programs.length === 0) return;
  throw new CannotStart(`A program is running on this database (${programs.join(', ')}): stop it first.`);
}
const Programs = z.array(z.object({ program: z.string() }));

/** As they were where the backup was taken. What a newer program changes about them, it changes afterwards, with the rows. */
async function makeTables(database: Database, head: Head): Promise<void> {
  const unknown = await unknownMigrations(database, head);
  if (unknown.length > 0) {
    throw new CannotStart(`The backup is of a newer program (${unknown.join(', ')}): restore it with that one.`);
  }
  const extra = (await database.doneMigrations()).filter((name) => !head.migrations.includes(name));
  if (extra.length > 0) {
    throw new CannotStart(
      `The backup is of an older program, and this database was made for a newer one already (${extra.join(', ')}): restore into a database without any tables.`,
    );
  }
  if ((await database.restoring()) !== undefined) return;
  const older = await Database.open({ url: database.url, connectionsMax: 4, migrations: head.migrations });
  try {
    await older.migrate();
  } finally {
    await older.close();
  }
}

async function unknownMigrations(database: Database, head: Head): Promise<readonly string[]> {
  const known = new Set([...(await database.doneMigrations()), ...(await database.pendingMigrations())]);
  return head.migrations.filter((name) => !known.has(name));
}

async function refuseContent(connection: Connection): Promise<void> {
  for (const table of [...durableTables, 'projecting.builds']) {
    const { rows } = await connection.query(`select 1 from ${table} limit 1`);
    if (rows.length > 0) {
      throw new CannotStart(`The database is not empty (${table} has rows): restore into a new one.`);
    }
  }
}

async function load(connection: Connection, order: RestoreOrder): Promise<Omit<Restored, 'head'>> {
  const tables = new TableLoads(connection, order);
  for await (const part of readBackup(order.file)) await tables.take(part);
  const { position } = tables.until;
  if (order.upTo !== undefined) for (const sql of forgetLater) await connection.query(sql, [position]);
  await connection.query(
    `update log.epoch set id = gen_random_uuid(), number = $1::bigint + 1, changed_at = clock_timestamp(), restoring = null`,
    [tables.epochNumber],
  );
  // Leases begin to count anew here, and the processes belong to the log as it is now.
  await connection.query('update reacting.checkpoints set epoch = 0, log_epoch = (select id from log.epoch)');
  return { position, rows: tables.rows };
}

/** One table after the other, as the file has them. */
class TableLoads {
  readonly rows: Record<string, number> = {};
  readonly until: Until;
  epochNumber = '1';
  private loading: TableLoad | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly order: RestoreOrder,
  ) {
    this.until = new Until(order.upTo);
  }

  async take(part: BackupPart): Promise<void> {
    switch (part.is) {
      case 'head':
        this.epochNumber = part.head.epoch.number;
        return;
      case 'table':
        await this.finish();
        if (this.isWanted(part.start)) this.loading = await TableLoad.of(this.connection, part.start);
        return;
      case 'row':
        return this.add(part.row);
      case 'end':
        return this.finish();
    }
  }

  private isWanted({ table }: TableStart): boolean {
    return this.order.logOnly !== true || table === 'log.events';
  }

  private async add(row: BackupRow): Promise<void> {
    if (this.loading === undefined) return;
    if (this.loading.table === 'log.events' && !this.until.includes(row)) return;
    const written = await this.loading.add(row);
    if (written > 0) this.order.onRows?.(written, this.loading.table);
  }

  private async finish(): Promise<void> {
    if (this.loading !== undefined) this.rows[this.loading.table] = await this.loading.end();
    this.loading = undefined;
  }
}
