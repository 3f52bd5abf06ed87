import { CannotStart } from '../platform/config/cannot-start.js';
import type { Config } from '../platform/config/config.js';
import { Database } from '../platform/database/database.js';
import { EmbeddedPostgres } from '../platform/database/embedded-postgres.js';
import { say } from './output.js';

/** More than any command does at once; the running program needs the others. */
const connectionsMax = 8;

/**
 * Works with the database that the program uses: the one at DATABASE_URL, or the embedded one. The embedded server is
 * started if none runs, and stopped afterwards if nobody else uses it by then.
 */
export async function withDatabase<Result>(
  config: Config,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  await using opened = new AsyncDisposableStack();
  const url = config.DATABASE_URL ?? (await embedded(config, opened));
  const database = await Database.open({ url, connectionsMax, applicationName: 'chorus command' });
  opened.defer(() => database.close());
  return await work(database);
}

/** Like withDatabase, for commands that read what only a migrated database has. */
export async function withMigratedDatabase<Result>(
  config: Config,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  return withDatabase(config, async (database) => {
    const pending = await database.pendingMigrations();
    if (pending.length > 0) {
      throw new CannotStart(
        `The database is not up to date (${String(pending.length)} migrations are missing): start the program once, or run "npm run -s chorus -- migrate".`,
      );
    }
    return work(database);
  });
}

async function embedded(config: Config, opened: AsyncDisposableStack): Promise<string> {
  const server = await EmbeddedPostgres.join({ folder: config.CHORUS_DATA, onTrouble: say });
  opened.defer(() => server.leave());
  return server.url;
}
