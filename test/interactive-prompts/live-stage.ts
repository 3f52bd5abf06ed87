import { startProgram, type Program } from '../../src/app/program.js';
import { issueKey, issueUserToken } from '../../src/platform/auth/tokens.js';
import { readConfig } from '../../src/platform/config/config.js';
import type { StreamWrite } from '../../src/platform/event-store/event-store.js';
import { aDatabase } from '../support/a-database.js';
import { appendedElsewhere, Person, words, type Answer } from './a-stage.js';
import { Watcher, type WatchOptions } from './a-watcher.js';

const secrets = {
  OSEH_ID_TOKEN_SECRET: 'a secret for people in tests',
  OSEH_INTERACTIVE_PROMPT_JWT_SECRET: 'a secret for prompts in tests',
  OSEH_JOURNEY_JWT_SECRET: 'a secret for journeys in tests',
  OSEH_IMAGE_FILE_JWT_SECRET: 'a secret for images in tests',
};

type Variables = Readonly<Record<string, string>>;

/** Several programs on one database, and people who take part in prompts through whichever of them. */
export interface LiveStage {
  readonly urls: readonly string[];
  readonly admin: Person;
  start(variables?: Variables): Promise<Program>;
  prompt(durationSeconds: number, content?: object): Promise<LivePrompt>;
  person(sub: string): Person;
  /** What another process appends, with whatever times it has; the position it reached. */
  happened(...writes: readonly StreamWrite[]): Promise<string>;
  stop(): Promise<void>;
}

export async function aLiveStage(programs: readonly Variables[] = [{}]): Promise<LiveStage> {
  await using opened = new AsyncDisposableStack();
  const { url, database, close } = await aDatabase();
  opened.defer(close);
  let running = opened;
  const start = async (variables: Variables = {}): Promise<Program> => {
    const settings = { DATABASE_URL: url, PORT: '0', LOG_LEVEL: 'error', DATABASE_CONNECTIONS_MAX: '6', ...secrets };
    const program = await startProgram(readConfig({ ...settings, ...variables }));
    running.defer(() => program.stop());
    return program;
  };
  const urls: string[] = [];
  for (const variables of programs) urls.push((await start(variables)).url);
  const [first = ''] = urls;
  const admin = personAt(first, 'root', true);
  const started = (running = opened.move());
  return {
    urls,
    admin,
    start,
    prompt: async (durationSeconds, content = words) => {
      const body = { prompt: content, duration_seconds: durationSeconds };
      const { uid, jwt } = (await admin.post('/api/1/admin/interactive_prompts', body)).body as LivePrompt;
      return new LivePrompt(uid, jwt, first);
    },
    person: (sub) => personAt(first, sub),
    happened: (...writes) => appendedElsewhere(database, writes),
    stop: () => started.disposeAsync(),
  };
}

export function promptJwt(sub: string, lifeSeconds = 1_800): string {
  return issueKey('interactivePrompt', secrets.OSEH_INTERACTIVE_PROMPT_JWT_SECRET, { sub, lifeSeconds });
}

export function journeyJwt(sub: string): string {
  return issueKey('journey', secrets.OSEH_JOURNEY_JWT_SECRET, { sub, lifeSeconds: 1_800 });
}

function personAt(url: string, sub: string, admin = false): Person {
  const token = issueUserToken(secrets.OSEH_ID_TOKEN_SECRET, { sub, admin, givenName: sub });
  return new Person(url, { authorization: `bearer ${token}` });
}

export class LivePrompt {
  constructor(
    readonly uid: string,
    readonly jwt: string,
    private readonly url: string,
  ) {}

  watch(options: WatchOptions = {}, url = this.url): Promise<Watcher> {
    return Watcher.watch(url, this, options);
  }

  /** Somebody who has joined at a prompt time. */
  async visit(sub: string, promptTime = 0, url = this.url): Promise<LiveVisit> {
    const person = personAt(url, sub);
    const started = await person.post('/api/1/interactive_prompts/start', { interactive_prompt_uid: this.uid });
    const { session_uid: sessionUid } = started.body as { session_uid: string };
    const visit = new LiveVisit(this, person, sessionUid);
    await visit.tell('join', promptTime);
    return visit;
  }
}

export class LiveVisit {
  constructor(
    private readonly prompt: LivePrompt,
    private readonly person: Person,
    readonly sessionUid: string,
  ) {}

  /** The same stay, told by somebody else. */
  by(person: Person): LiveVisit {
    return new LiveVisit(this.prompt, person, this.sessionUid);
  }

  async tell(what: string, promptTime: number, data: object = {}): Promise<Answer> {
    const { uid, jwt } = this.prompt;
    const answer = await this.person.post(`/api/1/interactive_prompts/events/${what}`, {
      interactive_prompt_uid: uid,
      interactive_prompt_jwt: jwt,
      session_uid: this.sessionUid,
      prompt_time: promptTime,
      data,
    });
    if (answer.status !== 201) throw new Error(`${what} was answered with ${JSON.stringify(answer)}`);
    return answer;
  }

  like(promptTime: number): Promise<Answer> {
    return this.tell('like', promptTime);
  }
}
