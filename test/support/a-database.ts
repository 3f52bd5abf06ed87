import { randomUUID } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Database } from '../../src/platform/database/database.js';

import { FolderLock } from '../../src/platform/database/folder-lock.js';
import { asAdministrator, startServer, type RunningServer } from '../../src/platform/database/start-server.js';
import { testFolder } from './test-folder.js';

export interface TestDatabase {
  readonly url: string;
  readonly database: Database;
  close(): Promise<void>;
}

/**
 * A fresh, migrated database on the one server of the test run. The first test that asks starts the server, so that tests
 * of pure rules pay nothing for it; the end of the run ends it (see postgres.global-setup).
 */
export function aDatabase({ connectionsMax = 10 } = {}): Promise<TestDatabase> {
  return cloned(template, connectionsMax);
}

/** Fresh, and without anything in it. */
export function anEmptyDatabase(): Promise<TestDatabase> {
  return cloned('template1', 10);
}

async function cloned(from: string, connectionsMax: number): Promise<TestDatabase> {
  const server = await (running ??= theServer());
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  // Measured at 70 ms against 93 ms for `wal_log`, the default.
  await asAdministrator(server, (client) =>
    client.query(`create database ${name} template ${from} strategy file_copy`),
  );
  const url = server.server.urlAt(server.port, name);
  const database = await Database.open({ url, connectionsMax, applicationName: 'test' });
  return {
    url,
    database,
    close: async () => {
      await database.close();
      await asAdministrator(server, (client) => client.query(`drop database ${name} with (force)`));
    },
  };
}

const template = 'migrated';
let running: Promise<RunningServer> | undefined;

/** Jest's workers are processes: the first makes the server and the template, the others wait for it. */
async function theServer(): Promise<RunningServer> {
  const folder = testFolder();
  const lock = await FolderLock.take(join(folder, 'template.lock'), 60_000);
  if (lock === undefined) throw new Error('Another test worker has been preparing the database for a minute.');
  try {
    const server = await startServer(folder, { durable: false });
    const made = join(folder, 'template.made');
    if (!existsSync(made)) {
      await makeTemplate(server);
      writeFileSync(made, '');
    }
    return server;
  } finally {
    lock.release();
  }
}

async function makeTemplate(server: RunningServer): Promise<void> {
  await asAdministrator(server, (client) => client.query(`create database ${template}`));
  const database = await Database.open({ url: server.server.urlAt(server.port, template), connectionsMax: 4 });
  await database.migrate();
  await database.close();
}
