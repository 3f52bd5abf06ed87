import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { nodesToRead } from '../../projections/interactive-prompts/fenwick-tree.js';
import { machineMs } from './machine-clock.js';
import { percentile } from './rounds.js';

/**
 * The people of `bench rebuild --live`, in a process of their own: likes and queries at a steady rate, and two readers who ask again
 * and again, one over HTTP and one for the rows themselves. It goes on until it is told to end, and then tells what it saw.
 */
export const LiveLoad = z.object({
  url: z.string(),
  databaseUrl: z.string(),
  people: z.array(z.object({ token: z.string(), promptUid: z.string(), jwt: z.string(), sessionUid: z.string() })),
  adminToken: z.string(),
  likesPerS: z.number(),
  queriesPerS: z.number(),
});
export type LiveLoad = z.infer<typeof LiveLoad>;

export const endLoad = 'Enough.';

export const LiveSeen = z.object({
  /** From when a like was due until it was answered. */
  appendP50Ms: z.number(),
  appendP99Ms: z.number(),
  appends: z.int(),
  appendErrors: z.int(),
  queryP99Ms: z.number(),
  queries: z.int(),
  queryErrors: z.int(),
  /** When each of the two readers had an answer, by the clock of the machine. */
  answeredAt: z.array(z.array(z.number())),
});
export type LiveSeen = z.infer<typeof LiveSeen>;

/** So many prompt seconds lie between two likes of one session. */
const stepSeconds = 1 / 64;
const pollMs = 10;

class Load {
  private readonly over = new AbortController();
  private readonly appends: number[] = [];
  private readonly queries: number[] = [];
  private readonly answeredAt: readonly [number[], number[]] = [[], []];
  private readonly idle: (LiveLoad['people'][number] & { promptTime: number })[];
  private appendErrors = 0;
  private queryErrors = 0;
  private readonly underway: Promise<void>[];
  private readonly answers = new Set<Promise<void>>();

  constructor(private readonly given: LiveLoad) {
    this.idle = given.people.map((person) => ({ ...person, promptTime: 0 }));
    this.underway = [
      this.steadily(given.likesPerS, (_, dueAt) => this.like(dueAt)),
      this.steadily(given.queriesPerS, (nth, dueAt) => this.ask(nth, dueAt)),
      this.pollHttp(this.answeredAt[0]),
      this.pollRows(this.answeredAt[1]),
    ];
  }

  async ended(): Promise<LiveSeen> {
    this.over.abort();
    await Promise.all(this.underway);
    await Promise.all(this.answers);
    return {
      appendP50Ms: percentile(this.appends, 50),
      appendP99Ms: percentile(this.appends, 99),
      appends: this.appends.length,
      appendErrors: this.appendErrors,
      queryP99Ms: percentile(this.queries, 99),
      queries: this.queries.length + this.answeredAt[0].length + this.answeredAt[1].length,
      queryErrors: this.queryErrors,
      answeredAt: [...this.answeredAt],
    };
  }

  /** Whether or not the ones before are answered. */
  private async steadily(perSecond: number, begin: (nth: number, dueAt: number) => Promise<void>): Promise<void> {
    const beganAt = performance.now();
    for (let nth = 0; !this.over.signal.aborted; nth += 1) {
      const dueAt = beganAt + (nth * 1_000) / perSecond;
      await sleep(Math.max(0, dueAt - performance.now()));
      const answer = begin(nth, dueAt).finally(() => this.answers.delete(answer));
      this.answers.add(answer);
    }
  }

  /** Nobody likes twice at once: the second could arrive first. */
  private async like(dueAt: number): Promise<void> {
    const person = await this.somebodyIdle();
    person.promptTime += stepSeconds;
    const body = {
      interactive_prompt_uid: person.promptUid,
      interactive_prompt_jwt: person.jwt,
      session_uid: person.sessionUid,
      prompt_time: person.promptTime,
      data: {},
    };
    const isAnswered = await isOk(`${this.given.url}/api/1/interactive_prompts/events/like`, {
      method: 'POST',
      headers: { authorization: `bearer ${person.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (isAnswered) this.appends.push(performance.now() - dueAt);
    else this.appendErrors += 1;
    this.idle.push(person);
  }

  private async somebodyIdle() {
    for (;;) {
      const person = this.idle.shift();
      if (person !== undefined) return person;
      await sleep(1);
    }
  }

  /** What a page shows of the crowd, and what an administrator sees, by turns. */
  private async ask(nth: number, dueAt: number): Promise<void> {
    const { url, people } = this.given;
    const person = people[nth % people.length];
    const isAnswered =
      nth % 2 === 0 || person === undefined
        ? await this.counts()
        : await isOk(`${url}/api/1/interactive_prompts/events/stats?uid=${person.promptUid}&bin=${String(nth % 60)}`, {
            headers: { authorization: `bearer ${person.jwt}` },
          });
    if (isAnswered) this.queries.push(performance.now() - dueAt);
    else this.queryErrors += 1;
  }

  private counts(): Promise<boolean> {
    const { url, people, adminToken } = this.given;
    const uid = people[0]?.promptUid ?? '';
    return isOk(`${url}/api/1/interactive_prompts/events/counts?uid=${uid}`, {
      headers: { authorization: `bearer ${adminToken}` },
    });
  }

  private pollHttp(answeredAt: number[]): Promise<void> {
    return this.poll(answeredAt, () => this.counts());
  }

  private async pollRows(answeredAt: number[]): Promise<void> {
    const client = new pg.Client({ connectionString: this.given.databaseUrl });
    await client.connect();
    const sql = `select category, value, sum(total)::bigint as total from read.prefix_sums
      where prompt_uid = $1 and node = any($2) group by category, value`;
    const values = [this.given.people[0]?.promptUid ?? '', [...nodesToRead(30)]];
    await this.poll(answeredAt, async () => ((await client.query(sql, values)).rowCount ?? 0) > 0);
    await client.end();
  }

  private async poll(answeredAt: number[], ask: () => Promise<boolean>): Promise<void> {
    while (!this.over.signal.aborted) {
      const isAnswered = await ask().catch(() => false);
      if (isAnswered) answeredAt.push(machineMs());
      else this.queryErrors += 1;
      await sleep(pollMs);
    }
  }
}

async function isOk(url: string, init: RequestInit): Promise<boolean> {
  try {
    const response = await fetch(url, init);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

let load: Load | undefined;
process.on('message', (message) => {
  if (message === endLoad) void load?.ended().then((seen) => process.send?.(seen));
  else load = new Load(LiveLoad.parse(message));
});
