import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { makeDataFolder } from '../config/data-folder.js';
import { DatabaseUnusable } from './errors.js';
import { FolderLock } from './folder-lock.js';
import { postgresBinaries } from './postgres-installation.js';
import { runningPostmaster } from './postmaster.js';
import { PortTaken, ServerFolder } from './server-folder.js';

const lockMsMax = 60_000;

export interface RunningServer {
  readonly server: ServerFolder;
  readonly port: number;
}

/** Finds the server of a folder or starts it; either way it then takes connections and has the database `chorus`. */
export async function startServer(folder: string, { durable }: { durable: boolean }): Promise<RunningServer> {
  const server = new ServerFolder(makeDataFolder(folder), await postgresBinaries(), durable);
  return alone(server.path, async () => {
    await server.prepare();
    if (runningPostmaster(server.data) === undefined) await launchAnywhere(server);
    const { port } = await server.ready();
    await asAdministrator({ server, port }, async (client) => {
      const { rowCount } = await client.query(`select from pg_database where datname = 'chorus'`);
      if (rowCount === 0) await client.query('create database chorus');
    });
    return { server, port };
  });
}

/** One process at a time decides about the server of a folder. */
export async function alone<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  const lock = await FolderLock.take(join(folder, 'postgres.lock'), lockMsMax);
  if (lock === undefined)
    throw new DatabaseUnusable(`Another program has been starting or stopping the database in ${folder} for a minute.`);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

export async function asAdministrator<Result>(
  { server, port }: RunningServer,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({
    connectionString: server.urlAt(port, 'postgres'),
    application_name: 'chorus administration',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DatabaseUnusable(`The embedded database in ${server.path} takes no connection: ${reason}.`, {
      cause: error,
    });
  }
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function launchAnywhere(server: ServerFolder): Promise<void> {
  for (;;) {
    try {
      await server.launch(await freePort());
      return;
    } catch (error) {
      if (!(error instanceof PortTaken)) throw error;
    }
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new TypeError('A TCP server has a numeric port.');
  return address.port;
}
