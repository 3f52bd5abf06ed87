import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { join } from 'node:path';
import { CannotStart } from '../platform/config/cannot-start.js';
import type { Config } from '../platform/config/config.js';
import { makeDataFolder } from '../platform/config/data-folder.js';
import { withSecrets, type Secrets } from '../platform/config/secrets.js';
import { Database } from '../platform/database/database.js';
import { EmbeddedPostgres } from '../platform/database/embedded-postgres.js';
import { codeOf } from '../platform/database/error-code.js';
import { FolderLock } from '../platform/database/folder-lock.js';
import { createHttp } from '../platform/http/http.js';
import { HealthChecks } from '../platform/telemetry/health.js';
import { createLog, type Log } from '../platform/telemetry/log.js';
import { AppModule } from './app.module.js';

export interface Program {
  /** Where it listens. A worker listens too: for health and metrics. */
  readonly url: string;
  readonly secrets: Secrets;
  /** Stops taking requests, finishes what was begun, and gives everything back. */
  stop(): Promise<void>;
}

const sweepMs = 20;

/**
 * The whole program: what was opened first is closed last, also when a later step of the start fails.
 */
export async function startProgram(
  config: Config,
  log: Log = createLog({ level: config.LOG_LEVEL }),
): Promise<Program> {
  await using opened = new AsyncDisposableStack();
  await refuseSecondProgram(config, opened);
  const secrets = await withSecrets(config);
  const database = await openDatabase(config, log, opened);
  const migrated = await database.migrate();
  if (migrated.length > 0) log.info({ migrated }, 'migrated');

  const guests = secrets.generated.has('OSEH_ID_TOKEN_SECRET') && isThisMachineAlone(config.HOST);
  const app = await createHttp(AppModule.forRoot({ config: secrets.config, database, log, guests }), config, log);
  opened.defer(() => app.close());
  const url = await listen(app, config);
  log.info({ url, role: config.CHORUS_ROLE }, 'started');

  const running = opened.move();
  return {
    url,
    secrets,
    stop: async () => {
      app.get(HealthChecks).stopping();
      // A connection whose last request is answered while we stop would otherwise be kept open for a next one.
      const sweep = setInterval(() => app.getHttpServer().closeIdleConnections(), sweepMs);
      await running.disposeAsync();
      clearInterval(sweep);
      log.info('stopped');
    },
  };
}

/** Two programs with every role on one folder are a mistake; several `api` and `worker` are how one scales. */
async function refuseSecondProgram(config: Config, opened: AsyncDisposableStack): Promise<void> {
  if (config.CHORUS_ROLE !== 'all' || config.DATABASE_URL !== undefined) return;
  const folder = makeDataFolder(config.CHORUS_DATA);
  const lock = await FolderLock.take(join(folder, 'program.lock'));
  if (lock === undefined) {
    throw new CannotStart(
      `Another program already runs on the data folder ${folder}: stop it, or set CHORUS_DATA to another folder (and PORT to another port).`,
    );
  }
  opened.defer(() => lock.release());
}

async function openDatabase(config: Config, log: Log, opened: AsyncDisposableStack): Promise<Database> {
  const url = config.DATABASE_URL ?? (await joinEmbedded(config, log, opened));
  const database = await Database.open({
    url,
    connectionsMax: config.DATABASE_CONNECTIONS_MAX,
    applicationName: `chorus ${config.CHORUS_ROLE}`,
    onIdleError: ({ message }) => log.warn({ reason: message }, 'database connection lost'),
  });
  opened.defer(() => database.close());
  return database;
}

async function joinEmbedded(config: Config, log: Log, opened: AsyncDisposableStack): Promise<string> {
  const embedded = await EmbeddedPostgres.join({
    folder: config.CHORUS_DATA,
    onTrouble: (sentence) => log.warn(sentence),
  });
  opened.defer(() => embedded.leave());
  return embedded.url;
}

async function listen(app: NestFastifyApplication, { HOST, PORT }: Config): Promise<string> {
  try {
    // The framework's own listen writes a failure to the log before anybody can say it better.
    await app.init();
    await app.getHttpAdapter().getInstance().listen({ port: PORT, host: HOST });
  } catch (error) {
    const reason = listenFailures[codeOf(error) ?? ''];
    if (reason === undefined) throw error;
    throw new CannotStart(reason(HOST, String(PORT)), { cause: error });
  }
  const address = app.getHttpServer().address();
  if (address === null || typeof address === 'string') throw new TypeError('A TCP server has a numeric port.');
  return `http://${reachableHost(HOST)}:${String(address.port)}`;
}

const listenFailures: Readonly<Record<string, (host: string, port: string) => string>> = {
  EADDRINUSE: (host, port) =>
    `Port ${port} of ${host} is taken by another program: set PORT to a free one, or to 0 for any.`,
  EACCES: (_host, port) => `This account may not listen on port ${port}: set PORT to 1024 or above.`,
  EADDRNOTAVAIL: (host) => `This machine has no address ${host}: set HOST to one of its own, or to 127.0.0.1.`,
  ENOTFOUND: (host) => `HOST is ${host}, a name that has no address: set it to an address of this machine.`,
};

function isThisMachineAlone(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** An address that stands for all addresses is none that a client could call. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
