import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { issueUserToken } from '../../src/platform/auth/tokens.js';
import { Loaded, type LoadJob } from './http-load.js';
import type { Stage } from './run.js';

/** One of the programs that are compared. */
export interface BenchProgram {
  readonly url: string;
  readonly database: pg.Pool;
  readonly process: ChildProcess;
}

export const secrets = {
  OSEH_ID_TOKEN_SECRET: 'a secret of this benchmark alone',
  OSEH_INTERACTIVE_PROMPT_JWT_SECRET: 'another secret of this benchmark',
  OSEH_JOURNEY_JWT_SECRET: 'a secret for journeys of this run alone',
  OSEH_IMAGE_FILE_JWT_SECRET: 'a secret for images of this run alone',
};

/** Starts a program in a process of its own, on a database of its own. */
export async function aProgram(
  file: string,
  databaseUrl: string,
  folder: string,
  stage: Stage,
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchProgram> {
  const environment = {
    PATH: process.env['PATH'],
    NODE_ENV: 'production',
    ...secrets,
    DATABASE_URL: databaseUrl,
    CHORUS_DATA: folder,
    RATE_LIMIT_PER_MINUTE: '0',
    LOG_LEVEL: 'error',
    ...settings,
  };
  const child = aChild(file, environment, stage);
  const url = z.object({ url: z.string() }).parse(await messageOf(child)).url;
  const database = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  stage.afterwards(() => database.end());
  return { url, database, process: child };
}

export function aLoad(stage: Stage): (job: LoadJob) => Promise<Loaded> {
  const child = aChild('./http-load.js', { PATH: process.env['PATH'] }, stage);
  return async (job) => {
    child.send(job);
    return Loaded.parse(await messageOf(child));
  };
}

/** As `npm start` does it: requests are short-lived, and a larger nursery has fewer of them survive a collection. */
const execArgv = ['--max-semi-space-size=64'];

export function aChild(
  file: string,
  env: NodeJS.ProcessEnv,
  stage: Stage,
  flags: readonly string[] = execArgv,
): ChildProcess {
  const child = fork(new URL(file, import.meta.url), [], {
    env,
    execArgv: [...flags],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  stage.afterwards(async () => {
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  });
  return child;
}

export async function messageOf(child: ChildProcess): Promise<unknown> {
  const left = new AbortController();
  const ended = once(child, 'exit', { signal: left.signal }).then(([code]: unknown[]) => {
    throw new Error(`A process of the benchmark ended with ${String(code)}.`);
  });
  try {
    const [message]: unknown[] = await Promise.race([once(child, 'message', { signal: left.signal }), ended]);
    return message;
  } finally {
    ended.catch(() => undefined);
    left.abort();
  }
}

const CreatedPrompt = z.object({ uid: z.string() });
const StartedSession = z.object({ jwt: z.string(), session_uid: z.string() });

/** People who have just joined, through the program's own routes. */
export async function aCrowd(
  program: BenchProgram,
  size: { readonly people: number; readonly prompts: number },
): Promise<LoadJob['people']> {
  const admin = issueUserToken(secrets.OSEH_ID_TOKEN_SECRET, { sub: 'administrator', admin: true });
  const prompt = { style: 'word', text: 'Do you like it?', options: ['Yes', 'Very much'] };
  const prompts = await several(size.prompts, async () => {
    const asked = { prompt, duration_seconds: durationSeconds };
    return CreatedPrompt.parse(await post(program, 'admin/interactive_prompts', admin, asked)).uid;
  });
  return several(size.people, (nth) => aPerson(program, `person-${String(nth)}`, prompts[nth % prompts.length] ?? ''));
}

const durationSeconds = 300;

async function aPerson(program: BenchProgram, sub: string, promptUid: string): Promise<LoadJob['people'][number]> {
  const token = issueUserToken(secrets.OSEH_ID_TOKEN_SECRET, { sub, givenName: 'Ann' });
  const named = { interactive_prompt_uid: promptUid };
  const started = StartedSession.parse(await post(program, 'interactive_prompts/start', token, named));
  const { jwt, session_uid: sessionUid } = started;
  const moment = { ...named, interactive_prompt_jwt: jwt, session_uid: sessionUid, prompt_time: 0, data: {} };
  await post(program, 'interactive_prompts/events/join', token, moment);
  return { token, promptUid, jwt, sessionUid, durationSeconds };
}

/** Not all at once: a burst of new connections would be a benchmark of something else. */
async function several<Item>(count: number, make: (nth: number) => Promise<Item>): Promise<Item[]> {
  const made: Item[] = [];
  for (let first = 0; first < count; first += 32) {
    const some = Array.from({ length: Math.min(32, count - first) }, (_, nth) => make(first + nth));
    made.push(...(await Promise.all(some)));
  }
  return made;
}

export async function post({ url }: BenchProgram, path: string, token: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${url}/api/1/${path}`, {
    method: 'POST',
    headers: { authorization: `bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path} was answered with ${String(response.status)} ${await response.text()}`);
  return response.json();
}

/** Milliseconds until the read models show all that was answered. */
export async function caughtUp({ database }: BenchProgram, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const { rows } = await database.query<pg.QueryResultRow>(
      `select (select min(position) from projecting.builds where state = 'live') >= (select max(position) from log.events) as yes`,
    );
    if (z.tuple([z.object({ yes: z.boolean() })]).parse(rows)[0].yes) return performance.now() - startedAt;
    await sleep(2);
  }
}

/** A side that didn't count everything it accepted has not done the work that is compared. */
export async function countedAll({ database }: BenchProgram, counts: string, events: string): Promise<void> {
  const { rows } = await database.query<pg.QueryResultRow>(
    `select (select sum(total) from ${counts}) = (select count(*) from ${events}) as yes`,
  );
  if (!z.tuple([z.object({ yes: z.boolean() })]).parse(rows)[0].yes) throw new Error(`${counts} and ${events} differ.`);
}
