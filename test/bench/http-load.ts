import { randomUUID } from 'node:crypto';
import autocannon from 'autocannon';
import { z } from 'zod';

/**
 * The process that sends requests, so that making them doesn't compete with answering them for one thread. Each connection goes
 * round its own people, and each of their requests has a prompt time of its own.
 */
export const LoadJob = z.object({
  url: z.string(),
  path: z.string(),
  seconds: z.number(),
  connections: z.int(),
  keyed: z.boolean(),
  people: z.array(
    z.object({
      token: z.string(),
      promptUid: z.string(),
      jwt: z.string(),
      sessionUid: z.string(),
      durationSeconds: z.number(),
    }),
  ),
});
export type LoadJob = z.infer<typeof LoadJob>;

export const Loaded = z.object({
  perSecond: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  accepted: z.int(),
  /** Refused, failed, or unanswered: a run with any of them measures something else. */
  failed: z.int(),
});
export type Loaded = z.infer<typeof Loaded>;

interface Person {
  readonly headers: Readonly<Record<string, string>>;
  /** A body up to its prompt time. */
  readonly body: string;
  readonly durationSeconds: number;
  promptTime: number;
}

/** So that a session lasts for thousands of requests. */
const stepSeconds = 1 / 64;

async function load({ url, path, seconds, connections, people, keyed }: LoadJob): Promise<Loaded> {
  const perConnection = Math.floor(people.length / connections);
  const crowd = people.map(aPerson);
  let nextConnection = 0;
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    // A run ends at a sample.
    sampleInt: 100,
    setupClient: (client) => {
      const own = crowd.slice(nextConnection * perConnection, (nextConnection + 1) * perConnection);
      nextConnection += 1;
      let turn = 0;
      const setupRequest = (): autocannon.Request => {
        const person = own[turn];
        if (person === undefined) throw new Error('A connection has nobody to speak for.');
        turn = (turn + 1) % own.length;
        person.promptTime += stepSeconds;
        if (person.promptTime > person.durationSeconds) throw new Error('The sessions were too short for this load.');
        const idempotency = keyed ? { 'idempotency-key': randomUUID() } : {};
        return {
          method: 'POST',
          path,
          headers: { ...person.headers, ...idempotency },
          body: `${person.body}${String(person.promptTime)}}`,
        };
      };
      client.setRequests([{ setupRequest }]);
    },
  });
  const { '2xx': accepted, non2xx, errors, timeouts } = result;
  return {
    perSecond: accepted / result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    accepted,
    failed: non2xx + errors + timeouts,
  };
}

function aPerson({ token, promptUid, jwt, sessionUid, durationSeconds }: LoadJob['people'][number]): Person {
  const named = { interactive_prompt_uid: promptUid, interactive_prompt_jwt: jwt, session_uid: sessionUid, data: {} };
  return {
    headers: { authorization: `bearer ${token}`, 'content-type': 'application/json' },
    body: `${JSON.stringify(named).slice(0, -1)},"prompt_time":`,
    durationSeconds,
    promptTime: 0,
  };
}

if (process.send !== undefined) {
  process.on('message', (job) => {
    void load(LoadJob.parse(job)).then((loaded) => process.send?.(loaded));
  });
}
