import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { issueUserToken } from '../../src/platform/auth/tokens.js';
import { aServer } from './a-server.js';
import { Loaded, type LoadJob } from './http-load.js';
import { alternate, median, percentile, rounded } from './rounds.js';
import { atLeast, type Run, type Stage } from './run.js';

/**
 * What durability costs a request, and what it costs others.
 *
 * The command is a like: it is the one that a crowd sends most, many sessions at once, each request at a prompt time of its own
 * and with a person's token and the prompt's. The same server also has a route that takes and checks the same request and does
 * nothing; the ratio to it says what is left of the server's speed once the event is decided on, on the disk, and in two read
 * models. The peer does the same command in one transaction of TypeORM, with its counters in it. Our read models are brought up
 * to date beside the requests, so what they still lack at the end of a round is waited for, and counts as our time.
 */
export const http: Run<'rounds' | 'seconds' | 'connections'> = {
  name: 'http',
  describe: 'Durable commands over HTTP, against a route that does nothing and against the same command on NestJS and TypeORM.',
  options: {
    rounds: { default: 5, describe: 'how often the sides take turns' },
    seconds: { default: 4, describe: 'how long one side runs in a round' },
    connections: { default: 64, describe: 'requests under way at once' },
  },
  secondsMax: ({ rounds, seconds }) => 90 + rounds * (seconds + 6) * 4,
  targets: [atLeast('ratio', 0.25), atLeast('peer_ratio', 3)],
  run: async ({ rounds, seconds, connections }, stage) => {
    const server = await aServer(stage);
    const ours = await aProgram('./http-program.js', await server.freshDatabase('ours'), server.folder, stage);
    const peer = await aProgram('./peers/typeorm-program.js', await server.freshDatabase('peer'), server.folder, stage);
    const load = aLoad(stage);
    const command = 'interactive_prompts/events/like';
    const job = { seconds, connections, keyed: false };
    const side = (program: BenchProgram, path: string, keyed = false) => async (): Promise<Round> => {
      const people = await aCrowd(program, connections * peoplePerConnection);
      const startedAt = performance.now();
      const loaded = await load({ ...job, keyed, url: program.url, path: `/api/1/${path}`, people });
      const caughtUpMs = program === ours && path === command ? await caughtUp(ours, stage) : 0;
      if (loaded.failed > 0) throw new Error(`${String(loaded.failed)} requests to ${path} failed.`);
      const wholeSeconds = Math.max(seconds, (performance.now() - startedAt) / 1_000);
      return { ...loaded, caughtUpMs, withReadModelsPerSecond: loaded.accepted / (caughtUpMs > 0 ? wholeSeconds : loaded.accepted / loaded.perSecond) };
    };
    // The first requests find nothing compiled, connected or cached.
    await alternate({ nothing: side(ours, 'bench/nothing'), command: side(ours, command), peer: side(peer, command) }, { rounds: 1, signal: stage.signal });
    const measured = await alternate(
      { nothing: side(ours, 'bench/nothing'), command: side(ours, command), peer: side(peer, command), keyed: side(ours, command, true) },
      {
        rounds,
        signal: stage.signal,
        after: (name, { perSecond, p99Ms }) => {
          stage.say(`${name}: ${String(Math.round(perSecond))} per second, p99 ${String(p99Ms)} ms`);
        },
      },
    );
    await Promise.all([countedAll(ours, 'read.event_counts', 'log.events where type <> \'PromptCreated\' and type <> \'SessionOpened\''), countedAll(peer, 'event_counts', 'events')]);
    const middle = (name: 'nothing' | 'command' | 'peer' | 'keyed', of: (round: Round) => number): number => median((measured.get(name) ?? []).map(of));
    const commands = middle('command', ({ perSecond }) => perSecond);
    return {
      connections,
      commands_per_s: rounded(commands),
      nothing_per_s: rounded(middle('nothing', ({ perSecond }) => perSecond)),
      ratio: rounded(commands / middle('nothing', ({ perSecond }) => perSecond)),
      with_read_models_per_s: rounded(middle('command', ({ withReadModelsPerSecond }) => withReadModelsPerSecond)),
      peer_per_s: rounded(middle('peer', ({ perSecond }) => perSecond)),
      peer_ratio: rounded(middle('command', ({ withReadModelsPerSecond }) => withReadModelsPerSecond) / middle('peer', ({ perSecond }) => perSecond)),
      with_idempotency_key_per_s: rounded(middle('keyed', ({ perSecond }) => perSecond)),
      p50_ms: rounded(middle('command', ({ p50Ms }) => p50Ms)),
      p99_ms: rounded(middle('command', ({ p99Ms }) => p99Ms)),
      peer_p50_ms: rounded(middle('peer', ({ p50Ms }) => p50Ms)),
      peer_p99_ms: rounded(middle('peer', ({ p99Ms }) => p99Ms)),
      read_models_behind_ms: rounded(percentile((measured.get('command') ?? []).map(({ caughtUpMs }) => caughtUpMs), 100)),
    };
  },
};

const peoplePerConnection = 4;
/** A prompt for every connection's people: the peer would otherwise spend its time waiting for the counters of a crowded one. */
const promptsFor = (people: number): number => people / peoplePerConnection;
const durationSeconds = 300;

interface Round extends Loaded {
  /** From the last answer until the read models showed everything. */
  readonly caughtUpMs: number;
  readonly withReadModelsPerSecond: number;
}

interface BenchProgram {
  readonly url: string;
  readonly database: pg.Pool;
}

const secrets = {
  OSEH_ID_TOKEN_SECRET: 'a secret of this benchmark alone',
  OSEH_INTERACTIVE_PROMPT_JWT_SECRET: 'another secret of this benchmark',
};

async function aProgram(file: string, databaseUrl: string, folder: string, stage: Stage): Promise<BenchProgram> {
  const environment = { PATH: process.env['PATH'], NODE_ENV: 'production', ...secrets, DATABASE_URL: databaseUrl, CHORUS_DATA: folder, RATE_LIMIT_PER_MINUTE: '0', LOG_LEVEL: 'error' };
  const child = aChild(file, environment, stage);
  const url = z.object({ url: z.string() }).parse(await messageOf(child)).url;
  const database = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  stage.afterwards(() => database.end());
  return { url, database };
}

function aLoad(stage: Stage): (job: LoadJob) => Promise<Loaded> {
  const child = aChild('./http-load.js', { PATH: process.env['PATH'] }, stage);
  return async (job) => {
    child.send(job);
    return Loaded.parse(await messageOf(child));
  };
}

function aChild(file: string, env: NodeJS.ProcessEnv, stage: Stage): ChildProcess {
  const child = fork(new URL(file, import.meta.url), [], { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  stage.afterwards(async () => {
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  });
  return child;
}

async function messageOf(child: ChildProcess): Promise<unknown> {
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
async function aCrowd(program: BenchProgram, size: number): Promise<LoadJob['people']> {
  const admin = issueUserToken(secrets.OSEH_ID_TOKEN_SECRET, { sub: 'administrator', admin: true });
  const uids: string[] = [];
  for (let nth = 0; nth < promptsFor(size); nth += 1) {
    const prompt = { style: 'word', text: 'Do you like it?', options: ['Yes', 'Very much'] };
    uids.push(CreatedPrompt.parse(await post(program, 'admin/interactive_prompts', admin, { prompt, duration_seconds: durationSeconds })).uid);
  }
  const people: LoadJob['people'] = [];
  const join = async (nth: number): Promise<void> => {
    const promptUid = uids[nth % uids.length] ?? '';
    const token = issueUserToken(secrets.OSEH_ID_TOKEN_SECRET, { sub: `person-${String(nth)}`, givenName: 'Ann' });
    const { jwt, session_uid: sessionUid } = StartedSession.parse(await post(program, 'interactive_prompts/start', token, { interactive_prompt_uid: promptUid }));
    await post(program, 'interactive_prompts/events/join', token, { interactive_prompt_uid: promptUid, interactive_prompt_jwt: jwt, session_uid: sessionUid, prompt_time: 0, data: {} });
    people.push({ token, promptUid, jwt, sessionUid, durationSeconds });
  };
  for (let first = 0; first < size; first += 32) await Promise.all(Array.from({ length: Math.min(32, size - first) }, (_, nth) => join(first + nth)));
  return people;
}

async function post({ url }: BenchProgram, path: string, token: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${url}/api/1/${path}`, {
    method: 'POST',
    headers: { authorization: `bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path} was answered with ${String(response.status)} ${await response.text()}`);
  return response.json();
}

async function caughtUp({ database }: BenchProgram, stage: Stage): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    stage.signal.throwIfAborted();
    const { rows } = await database.query<pg.QueryResultRow>(
      `select (select min(position) from projecting.builds where state = 'live') >= (select max(position) from log.events) as yes`,
    );
    if (z.tuple([z.object({ yes: z.boolean() })]).parse(rows)[0].yes) return performance.now() - startedAt;
    await sleep(2);
  }
}

/** A side that didn't count everything it accepted has not done the work that is compared. */
async function countedAll({ database }: BenchProgram, counts: string, events: string): Promise<void> {
  const { rows } = await database.query<pg.QueryResultRow>(`select (select sum(total) from ${counts}) = (select count(*) from ${events}) as yes`);
  if (!z.tuple([z.object({ yes: z.boolean() })]).parse(rows)[0].yes) throw new Error(`${counts} and ${events} differ.`);
}
