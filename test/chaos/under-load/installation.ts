import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { issueUserToken } from '../../../src/platform/auth/tokens.js';
import { aServer } from '../../bench/a-server.js';
import type { Stage } from '../../bench/run.js';
import type { Sender } from './caller.js';
import { ProgramProcess, type Role } from './program-process.js';

const secrets = {
  OSEH_ID_TOKEN_SECRET: 'a secret of this chaos run alone',
  OSEH_INTERACTIVE_PROMPT_JWT_SECRET: 'another secret of this run alone',
  OSEH_JOURNEY_JWT_SECRET: 'a secret for journeys of this run alone',
  OSEH_IMAGE_FILE_JWT_SECRET: 'a secret for images of this run alone',
};

/** The whole program as somebody would run it who expects trouble: several processes of each role on one database. */
export interface Installation {
  readonly apis: readonly ProgramProcess[];
  readonly workers: readonly ProgramProcess[];
  /** Where the server keeps its files. */
  readonly databaseFolder: string;
  readonly databaseUrl: string;
  start(role: Role): Promise<ProgramProcess>;
  /** How often a process ended that nobody had killed; says what they said. */
  crashes(): number;
  /** Somebody with a token. */
  person(sub: string, options?: { readonly admin: boolean }): Sender;
  /** Rows of a question to the database; asked again while the database is away. */
  ask(text: string, values?: readonly unknown[]): Promise<unknown[]>;
}

export async function installation(
  stage: Stage,
  processes: Readonly<Record<Role, number>>,
  settings: Readonly<Record<string, string>> = {},
): Promise<Installation> {
  const server = await aServer(stage);
  const databaseUrl = await server.freshDatabase('installation');
  const environment = {
    PATH: process.env['PATH'] ?? '',
    ...secrets,
    CHORUS_DATA: server.folder,
    DATABASE_URL: databaseUrl,
    DATABASE_CONNECTIONS_MAX: '6',
    RATE_LIMIT_PER_MINUTE: '0',
    LOG_LEVEL: 'error',
    ...settings,
  };
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2, connectionTimeoutMillis: 5_000 });
  pool.on('error', () => undefined);
  stage.afterwards(() => pool.end());
  const all: ProgramProcess[] = [];
  const start = async (role: Role): Promise<ProgramProcess> => {
    const started = ProgramProcess.start(role, await freePort(), environment, stage);
    all.push(started);
    await started.ready(stage.signal);
    return started;
  };
  const several = (role: Role): Promise<readonly ProgramProcess[]> =>
    Promise.all(Array.from({ length: processes[role] }, () => start(role)));
  const [apis, workers] = await Promise.all([several('api'), several('worker')]);
  const tokens = new Map<string, string>();
  return {
    apis,
    workers,
    databaseFolder: join(server.folder, 'postgres'),
    databaseUrl,
    start,
    crashes: () => {
      const crashes = all.flatMap((each) => each.crashes);
      for (const words of crashes) stage.say(`A process ended by itself:\n${words}`);
      return crashes.length;
    },
    person: (sub, { admin } = { admin: false }) => {
      const { OSEH_ID_TOKEN_SECRET: secret } = secrets;
      const token = tokens.get(sub) ?? issueUserToken(secret, { sub, admin, givenName: 'Visitor' });
      tokens.set(sub, token);
      return { sub, token };
    },
    ask: (text, values = []) => askUntilAnswered(pool, { text, values: [...values] }, stage.signal),
  };
}

async function askUntilAnswered(
  pool: pg.Pool,
  query: { text: string; values: unknown[] },
  signal: AbortSignal,
): Promise<unknown[]> {
  for (let waitMs = 20; ; waitMs = Math.min(waitMs * 2, 500)) {
    signal.throwIfAborted();
    try {
      return (await pool.query<pg.QueryResultRow>(query)).rows;
    } catch (error) {
      // A wrong question stays wrong; a database that was killed comes back.
      if (error instanceof pg.DatabaseError && error.code?.startsWith('42') === true) throw error;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new TypeError('A TCP server has a numeric port.');
  return address.port;
}
