import { z } from 'zod';
import type { Answer, Person, Stage } from '../interactive-prompts/a-stage.js';

/** A journey over HTTP, as administrators and both generations of clients see it. */
const Settings = z.object({
  uid: z.string(),
  jwt: z.string(),
  title: z.string(),
  interactive_prompt_uid: z.string(),
  prompt: z.object({ style: z.string() }).loose(),
  lobby_duration_seconds: z.number(),
  deleted: z.boolean(),
});
export type Settings = z.infer<typeof Settings>;

const StartedPrompt = z.object({ uid: z.string(), jwt: z.string(), session_uid: z.string() });
const StartedJourney = StartedPrompt.extend({ interactive_prompt_uid: z.string() });
const Stats = z.object({ users: z.number(), word_active: z.array(z.number()).nullable() }).loose();

export const threeWords = { style: 'word', text: 'How do you feel?', options: ['calm', 'fine', 'tense'] };
export const fourWords = { ...threeWords, options: ['calm', 'fine', 'tense', 'sad'] };
const sleep = { internal_name: 'sleep', external_name: 'Better sleep' };

export class AJourney {
  private seen = 0n;

  private constructor(
    private readonly stage: Stage,
    readonly first: Settings,
  ) {}

  static async create(stage: Stage, changes: object = {}): Promise<AJourney> {
    const body = { title: 'An evening walk', subcategory: sleep, prompt: threeWords, ...changes };
    return new AJourney(stage, Settings.parse((await stage.admin.post('/api/1/journeys', body)).body));
  }

  get uid(): string {
    return this.first.uid;
  }

  async patch(changes: object): Promise<Settings> {
    return Settings.parse(this.saw(await this.stage.admin.patch(`/api/1/journeys/${this.uid}`, changes)).body);
  }

  async settings(): Promise<Settings> {
    return Settings.parse((await this.stage.admin.get(`/api/1/journeys/${this.uid}/settings`)).body);
  }

  askStart(person: Person, changes: object = {}): Promise<Answer> {
    const body = { journey_uid: this.uid, journey_jwt: this.first.jwt, ...changes };
    return person.post('/api/1/journeys/start_interactive_prompt', body);
  }

  /** With a client of today. */
  async start(person: Person): Promise<Stay> {
    const { uid, jwt, session_uid } = StartedPrompt.parse((await this.askStart(person)).body);
    const names = { interactive_prompt_uid: uid, interactive_prompt_jwt: jwt, session_uid };
    return new Stay(session_uid, uid, async (what, promptTime, data) => {
      const body = { ...names, prompt_time: promptTime, data };
      return this.saw(await person.post(`/api/1/interactive_prompts/events/${what}`, body));
    });
  }

  /** With a client of the journey era. */
  async startAsBefore(person: Person, named = (sessionUid: string) => sessionUid): Promise<Stay> {
    const answer = await person.post('/api/1/journeys/start', { journey_uid: this.uid });
    const { uid, jwt, session_uid, interactive_prompt_uid } = StartedJourney.parse(answer.body);
    const names = { journey_uid: uid, journey_jwt: jwt, session_uid: named(session_uid) };
    return new Stay(session_uid, interactive_prompt_uid, async (what, journeyTime, data, changes) => {
      const body = { ...names, journey_time: journeyTime, data, ...changes };
      return this.saw(await person.post(`/api/1/journeys/events/${what}`, body));
    });
  }

  async views(): Promise<number> {
    const admin = this.stage.admin.with({ 'chorus-at-least': String(this.seen) });
    const { body } = await admin.get(`/api/1/admin/journey_views?journey_uid=${this.uid}`);
    return z.object({ views: z.number(), retrieved_at: z.number() }).parse(body).views;
  }

  async formerPrompts(): Promise<readonly string[]> {
    const admin = this.stage.admin.with({ 'chorus-at-least': String(this.seen) });
    const { body } = await admin.get(`/api/1/admin/journey_former_prompts?journey_uid=${this.uid}`);
    const items = z.array(z.object({ uid: z.string(), interactive_prompt_uid: z.string(), detached_at: z.number() }));
    return z
      .object({ items })
      .parse(body)
      .items.map((item) => item.interactive_prompt_uid);
  }

  async statsOfPrompt(promptUid: string, bin: number): Promise<z.infer<typeof Stats>> {
    const path = `/api/1/interactive_prompts/events/stats?uid=${promptUid}&bin=${String(bin)}`;
    const holder = this.stage.stranger.with({ authorization: `bearer ${this.stage.promptJwt(promptUid)}` });
    return Stats.parse((await holder.with({ 'chorus-at-least': String(this.seen) }).get(path)).body);
  }

  /** As a client of the journey era asks. */
  askStats(bin: number, uid = this.uid): Promise<Answer> {
    return this.asHolder().get(`/api/1/journeys/events/stats?uid=${uid}&bin=${String(bin)}`);
  }

  /** Whoever holds the journey's token, and wants to see everything that happened in the test. */
  asHolder(): Person {
    const authorization = `bearer ${this.first.jwt}`;
    return this.stage.stranger.with({ authorization, 'chorus-at-least': String(this.seen) });
  }

  /** Somebody who wants to see everything that happened to this journey in the test. */
  seenBy(person: Person): Person {
    return person.with({ 'chorus-at-least': String(this.seen) });
  }

  private saw(answer: Answer): Answer {
    const position = BigInt(answer.headers.get('chorus-position') ?? 0);
    if (position > this.seen) this.seen = position;
    return answer;
  }
}

type Tell = (what: string, time: number, data: object, changes: object) => Promise<Answer>;

export class Stay {
  constructor(
    readonly sessionUid: string,
    readonly promptUid: string,
    private readonly send: Tell,
  ) {}

  /** `changes` replaces fields of the body, for clients of the journey era. */
  tell(what: string, time: number, data: object = {}, changes: object = {}): Promise<Answer> {
    return this.send(what, time, data, changes);
  }
}
