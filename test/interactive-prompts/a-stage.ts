import { z } from 'zod';
import { eventFamilies } from '../../src/app/events.js';
import { startProgram } from '../../src/app/program.js';
import { issueKey, issueUserToken } from '../../src/platform/auth/tokens.js';
import { readConfig } from '../../src/platform/config/config.js';
import type { Database } from '../../src/platform/database/database.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import type { StreamWrite } from '../../src/platform/event-store/event-store.js';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';
import { aDatabase } from '../support/a-database.js';

/** The whole program on a database of its own, and people who use it as their clients do: over HTTP, with real tokens. */
export interface Stage {
  readonly admin: Person;
  prompt(durationSeconds: number, content?: object): Promise<APrompt>;
  person(sub: string, claims?: { readonly givenName?: string }): Person;
  /** A prompt that exists already, by its id. */
  existing(promptUid: string): APrompt;
  /** Nobody: no authorization header. */
  readonly stranger: Person;
  /** A prompt's token, as the program issues them, unless said otherwise. */
  promptJwt(promptUid: string, request?: { readonly at?: Date; readonly lifeSeconds?: number }): string;
  /** What another process appends, with whatever times it has; the position it reached. */
  happened(...writes: readonly StreamWrite[]): Promise<string>;
  stop(): Promise<void>;
}

const limits = { eventBytesMax: 1_000_000, appendEventsMax: 1_000, appendQueueMax: 1_000 };

const secrets = {
  user: 'a secret for people in tests',
  interactivePrompt: 'a secret for prompts in tests',
  journey: 'a secret for journeys in tests',
  image: 'a secret for images in tests',
};

export async function aStage(): Promise<Stage> {
  const { url, database, close } = await aDatabase();
  const config = readConfig({
    DATABASE_URL: url,
    PORT: '0',
    LOG_LEVEL: 'error',
    OSEH_ID_TOKEN_SECRET: secrets.user,
    OSEH_INTERACTIVE_PROMPT_JWT_SECRET: secrets.interactivePrompt,
    OSEH_JOURNEY_JWT_SECRET: secrets.journey,
    OSEH_IMAGE_FILE_JWT_SECRET: secrets.image,
  });
  const program = await startProgram(config);
  const person = (request: Parameters<typeof issueUserToken>[1]): Person =>
    new Person(program.url, { authorization: `bearer ${issueUserToken(secrets.user, request)}` });
  const admin = person({ sub: 'root', admin: true });
  return {
    admin,
    prompt: async (durationSeconds, content = words) => {
      const body = { prompt: content, duration_seconds: durationSeconds };
      const { uid, jwt } = Created.parse((await admin.post('/api/1/admin/interactive_prompts', body)).body);
      return new APrompt(uid, jwt, admin, new Person(program.url, { authorization: `bearer ${jwt}` }));
    },
    existing: (uid) => {
      const jwt = issueKey('interactivePrompt', secrets.interactivePrompt, { sub: uid });
      return new APrompt(uid, jwt, admin, new Person(program.url, { authorization: `bearer ${jwt}` }));
    },
    person: (sub, claims = {}) => person({ sub, ...claims }),
    stranger: new Person(program.url, {}),
    promptJwt: (sub, request = {}) => issueKey('interactivePrompt', secrets.interactivePrompt, { sub, ...request }),
    happened: (...writes) => appendedElsewhere(database, writes),
    stop: async () => {
      await program.stop();
      await close();
    },
  };
}

/** What another process appends; the position it reached. */
export async function appendedElsewhere(database: Database, writes: readonly StreamWrite[]): Promise<string> {
  const store = new PostgresEventStore(database, new EventCodec(eventFamilies), limits);
  const { position } = await store.append({ writes, metadata: { correlationId: 'another process' } });
  await store.close();
  return String(position);
}

/** A prompt, and whoever looks at it after everything that the visits of a test did. */
export class APrompt {
  private seen = 0n;

  constructor(
    readonly uid: string,
    readonly jwt: string,
    private readonly admin: Person,
    private readonly holder: Person,
  ) {}

  async visit(person: Person): Promise<Visit> {
    const body = { interactive_prompt_uid: this.uid };
    const answer = await person.post('/api/1/interactive_prompts/start', body);
    return new Visit(person, Started.parse(answer.body), (one) => {
      this.saw(one);
    });
  }

  /** A stay that was started another way than `visit` does. */
  visitTo(person: Person, started: Started): Visit {
    return new Visit(person, started, (one) => {
      this.saw(one);
    });
  }

  async stats(bin: number): Promise<z.infer<typeof Stats>> {
    return Stats.parse((await this.askStats(bin)).body);
  }

  askStats(bin: number | string): Promise<Answer> {
    return this.holder
      .with({ 'chorus-at-least': String(this.seen) })
      .get(`/api/1/interactive_prompts/events/stats?uid=${this.uid}&bin=${String(bin)}`);
  }

  /** By second, as far as something happened. */
  async counts(): Promise<Readonly<Record<string, number>>> {
    const path = `/api/1/interactive_prompts/events/counts?uid=${this.uid}`;
    const { body } = await this.admin.with({ 'chorus-at-least': String(this.seen) }).get(path);
    return Object.fromEntries(Counts.parse(body).buckets.map(({ bucket, total }) => [bucket, total]));
  }

  private saw({ headers }: Answer): void {
    const position = BigInt(headers.get('chorus-position') ?? 0);
    if (position > this.seen) this.seen = position;
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

type Extra = Readonly<Record<string, string>>;

export class Person {
  constructor(
    private readonly url: string,
    private readonly headers: Extra,
  ) {}

  /** The same person with other headers. */
  with(headers: Extra): Person {
    return new Person(this.url, { ...this.headers, ...headers });
  }

  post(path: string, body: unknown): Promise<Answer> {
    return this.ask(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { ...this.headers, 'content-type': 'application/json' },
    });
  }

  patch(path: string, body: unknown): Promise<Answer> {
    return this.ask(path, {
      method: 'PATCH',
      body: JSON.stringify(body),
      headers: { ...this.headers, 'content-type': 'application/json' },
    });
  }

  put(path: string, body: unknown): Promise<Answer> {
    return this.ask(path, {
      method: 'PUT',
      body: JSON.stringify(body),
      headers: { ...this.headers, 'content-type': 'application/json' },
    });
  }

  get(path: string): Promise<Answer> {
    return this.ask(path, { method: 'GET', headers: this.headers });
  }

  delete(path: string): Promise<Answer> {
    return this.ask(path, { method: 'DELETE', headers: this.headers });
  }

  private async ask(path: string, request: RequestInit): Promise<Answer> {
    const response = await fetch(new URL(path, this.url), request);
    const text = await response.text();
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    return { status: response.status, headers: response.headers, body };
  }
}

const Created = z.object({ uid: z.string(), jwt: z.string() });
export const Started = z.object({ uid: z.string(), jwt: z.string(), session_uid: z.string() });
export type Started = z.infer<typeof Started>;
export const Problem = z.object({ type: z.string(), message: z.string(), markdown: z.string() });

export const words = { style: 'word', text: 'How do you feel?', options: ['calm', 'fine', 'tense'] };

const Stats = z.object({
  prompt_time: z.number(),
  bin_width: z.number(),
  bin: z.number(),
  as_of: z.number(),
  users: z.number(),
  likes: z.number(),
  numeric_active: z.record(z.string(), z.number()).nullable(),
  press: z.number().nullable(),
  press_active: z.number().nullable(),
  color_active: z.array(z.number()).nullable(),
  word_active: z.array(z.number()).nullable(),
});
const Counts = z.object({ buckets: z.array(z.object({ bucket: z.number(), total: z.number() })) });

/** Somebody's stay in a prompt, as their client holds it. */
export class Visit {
  constructor(
    private readonly person: Person,
    readonly started: Started,
    private readonly onAnswer: (answer: Answer) => void,
  ) {}

  /** The same stay, if somebody else tells it, or the same person with other headers. */
  by(person: Person): Visit {
    return new Visit(person, this.started, this.onAnswer);
  }

  /** `changes` replaces fields of the body. */
  join(promptTime: number, changes: Changes = {}): Promise<Answer> {
    return this.tell('join', promptTime, changes);
  }

  like(promptTime: number, changes: Changes = {}): Promise<Answer> {
    return this.tell('like', promptTime, changes);
  }

  leave(promptTime: number, changes: Changes = {}): Promise<Answer> {
    return this.tell('leave', promptTime, changes);
  }

  rate(promptTime: number, rating: number, changes: Changes = {}): Promise<Answer> {
    return this.tell('respond_numeric_prompt', promptTime, { data: { rating }, ...changes });
  }

  color(promptTime: number, index: number, changes: Changes = {}): Promise<Answer> {
    return this.tell('respond_color_prompt', promptTime, { data: { index }, ...changes });
  }

  word(promptTime: number, index: number, changes: Changes = {}): Promise<Answer> {
    return this.tell('respond_word_prompt', promptTime, { data: { index }, ...changes });
  }

  press(promptTime: number, changes: Changes = {}): Promise<Answer> {
    return this.tell('respond_press_prompt/start', promptTime, changes);
  }

  release(promptTime: number, changes: Changes = {}): Promise<Answer> {
    return this.tell('respond_press_prompt/end', promptTime, changes);
  }

  async tell(what: string, promptTime: number, changes: Changes = {}): Promise<Answer> {
    const { uid, jwt, session_uid } = this.started;
    const event = { interactive_prompt_uid: uid, interactive_prompt_jwt: jwt, session_uid, prompt_time: promptTime };
    const answer = await this.person.post(`/api/1/interactive_prompts/events/${what}`, {
      ...event,
      data: {},
      ...changes,
    });
    this.onAnswer(answer);
    return answer;
  }
}

type Changes = Readonly<Record<string, unknown>>;
