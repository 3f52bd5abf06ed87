import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CannotStart } from '../platform/config/cannot-start.js';
import type { Config } from '../platform/config/config.js';
import { withoutPassword, type Database } from '../platform/database/database.js';
import { fine, wrong, type Finding } from './finding.js';
import { withDatabase } from './open-database.js';

const skewMsMax = 2_000;

export async function checkDatabase(config: Config): Promise<readonly Finding[]> {
  if (config.DATABASE_URL === undefined && !existsSync(join(config.CHORUS_DATA, 'postgres'))) {
    return [fine('database', 'embedded, not there yet; the first start makes it')];
  }
  try {
    return await withDatabase(config, async (database) => [
      await checkServer(database, config),
      await checkMigrations(database),
      ...(await checkSettings(database)),
      await checkClock(database),
    ]);
  } catch (error) {
    if (!(error instanceof CannotStart)) throw error;
    return [{ part: 'database', ok: false, says: error.message }];
  }
}

const ServerRow = z.object({
  version: z.string(),
  connections_max: z.coerce.number(),
  used: z.coerce.number(),
  size: z.string(),
});

async function checkServer({ pool, url }: Database, config: Config): Promise<Finding> {
  const { rows } = await pool.query(
    `select current_setting('server_version') as version, current_setting('max_connections') as connections_max,
       (select count(*) from pg_stat_activity where backend_type = 'client backend') as used,
       pg_size_pretty(pg_database_size(current_database())) as size`,
  );
  const [{ version, connections_max: most, used, size }] = z.tuple([ServerRow]).parse(rows);
  const where = config.DATABASE_URL === undefined ? 'embedded' : withoutPassword(url);
  const says = `${where}, PostgreSQL ${version}, ${size}, ${String(used)} of ${String(most)} connections in use`;
  if (most >= config.DATABASE_CONNECTIONS_MAX + 10) return fine('database', says);
  return wrong('database', says, 'raise max_connections of the server, or lower DATABASE_CONNECTIONS_MAX');
}

async function checkMigrations(database: Database): Promise<Finding> {
  const pending = await database.pendingMigrations();
  if (pending.length === 0) return fine('migrations', 'all done');
  return wrong(
    'migrations',
    `missing: ${pending.join(', ')}`,
    'start the program, or run: npm run -s chorus -- migrate',
  );
}

/** Those without which an answered command can be lost. */
async function checkSettings({ pool }: Database): Promise<readonly Finding[]> {
  const { rows } = await pool.query(
    `select name, setting from pg_settings
     where name = any($1) and setting = 'off' order by name`,
    [['fsync', 'full_page_writes', 'synchronous_commit']],
  );
  const off = z.array(z.object({ name: z.string() })).parse(rows);
  if (off.length === 0) return [fine('durability', 'commits are on the disk before they are answered')];
  return off.map(({ name }) =>
    wrong('durability', `${name} is off: a crash can lose what was answered`, `set ${name} to on at the server`),
  );
}

/** Tokens and deadlines are judged by this machine, events are dated by the database. */
async function checkClock({ pool }: Database): Promise<Finding> {
  const before = Date.now();
  const { rows } = await pool.query('select clock_timestamp() as now');
  const after = Date.now();
  const [{ now }] = z.tuple([z.object({ now: z.date() })]).parse(rows);
  const skewMs = Math.round(now.getTime() - (before + after) / 2);
  const says = `the database is ${String(Math.abs(skewMs))} ms ${skewMs < 0 ? 'behind' : 'ahead of'} this machine`;
  return Math.abs(skewMs) <= skewMsMax
    ? fine('clock', says)
    : wrong('clock', says, 'let both machines set their clocks by NTP');
}
