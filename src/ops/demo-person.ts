import { z } from 'zod';
import { CannotStart } from '../platform/config/cannot-start.js';
import type { Step } from './demo-plan.js';

const Created = z.object({ uid: z.string() });
const Started = z.object({ uid: z.string(), jwt: z.string(), session_uid: z.string() });
const Problem = z.object({ message: z.string() });

export type Session = z.infer<typeof Started>;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Somebody who uses the program as their client would: over HTTP, with a token. */
export class DemoPerson {
  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  async create(prompt: object, durationSeconds: number): Promise<string> {
    const body = { prompt, duration_seconds: durationSeconds };
    return Created.parse(accepted(await this.ask('POST', '/api/1/admin/interactive_prompts', body))).uid;
  }

  async start(promptUid: string): Promise<Session> {
    const path = '/api/1/interactive_prompts/start';
    return Started.parse(accepted(await this.ask('POST', path, { interactive_prompt_uid: promptUid })));
  }

  /** False when it was refused: the server was busy, or the session was over before. */
  async tell({ uid, jwt, session_uid }: Session, { event, promptTime, data }: Step): Promise<boolean> {
    const { status } = await this.ask('POST', `/api/1/interactive_prompts/events/${event}`, {
      interactive_prompt_uid: uid,
      interactive_prompt_jwt: jwt,
      session_uid,
      prompt_time: promptTime,
      data,
    });
    return status === 201;
  }

  async wear(imageUid: string): Promise<void> {
    accepted(await this.ask('PUT', '/api/1/users/me/profile_picture', { image_uid: imageUid }));
  }

  private async ask(method: string, path: string, body: object): Promise<Answer> {
    const headers = { 'content-type': 'application/json', authorization: `bearer ${this.token}` };
    const response = await fetch(new URL(path, this.url), { method, headers, body: JSON.stringify(body) }).catch(
      (error: unknown) => {
        throw new CannotStart(`The program at ${this.url} does not answer any more.`, { cause: error });
      },
    );
    const text = await response.text();
    const parsed: unknown = text === '' ? undefined : JSON.parse(text);
    return { status: response.status, body: parsed };
  }
}

function accepted({ status, body }: Answer): unknown {
  if (status < 400) return body;
  const told = Problem.safeParse(body);
  const why = told.success ? told.data.message : `it answered ${String(status)}`;
  const hint =
    status === 401 || status === 403
      ? ' The program and this command must have the same secrets: CHORUS_DATA or OSEH_ID_TOKEN_SECRET.'
      : '';
  throw new CannotStart(`The program refused: ${why}${hint}`);
}
