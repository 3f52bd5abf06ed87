import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from '../../src/platform/database/database.js';
import { EmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';
import type { Stage } from './run.js';

export interface BenchServer {
  /** Holds the server's files; gone when the run is over. */
  readonly folder: string;
  readonly url: string;
  /** Migrated, with a pool. */
  readonly database: Database;
  /** The address of another, empty database on the same server. */
  freshDatabase(name: string): Promise<string>;
}

/** A PostgreSQL for one run, with the settings of the embedded default: every commit reaches the disk. */
export async function aServer(stage: Stage): Promise<BenchServer> {
  const folder = await mkdtemp(join(tmpdir(), 'chorus-bench-'));
  stage.afterwards(() => rm(folder, { recursive: true, force: true }));
  // The server may run under another account, which has to be able to enter.
  await chmod(folder, 0o755);
  const server = await EmbeddedPostgres.join({ folder });
  stage.afterwards(() => server.leave());
  const database = await Database.open({ url: server.url, connectionsMax: 12 });
  stage.afterwards(() => database.close());
  await database.migrate();
  return {
    folder,
    url: server.url,
    database,
    freshDatabase: async (name) => {
      await database.pool.query(`create database ${name}`);
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      return url.href;
    },
  };
}
