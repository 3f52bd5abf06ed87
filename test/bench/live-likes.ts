import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { LoadJob } from './http-load.js';
import { post, type BenchProgram } from './http-sides.js';
import { machineMs } from './machine-clock.js';

/** Each like that was sent, by its event's uid, and when its sender had the answer. */
export type Likes = ReadonlyMap<string, number>;

export interface LikesOrder {
  readonly commands: number;
  readonly seconds: number;
  /** When everybody's prompt time was zero. */
  readonly beganAtMs: number;
  readonly signal: AbortSignal;
}

const Answer = z.object({ uid: z.string() });

/** At an even pace, whether or not the ones before were answered; people take turns. */
export async function sendLikes(
  program: BenchProgram,
  people: LoadJob['people'],
  { commands, seconds, beganAtMs, signal }: LikesOrder,
): Promise<Likes> {
  const likes = new Map<string, number>();
  const like = async ({ token, promptUid, jwt, sessionUid }: LoadJob['people'][number]): Promise<void> => {
    const { uid } = Answer.parse(
      await post(program, 'interactive_prompts/events/like', token, {
        interactive_prompt_uid: promptUid,
        interactive_prompt_jwt: jwt,
        session_uid: sessionUid,
        prompt_time: (machineMs() - beganAtMs) / 1_000,
        data: {},
      }),
    );
    likes.set(uid, machineMs());
  };
  const startedAtMs = machineMs();
  const underWay: Promise<void>[] = [];
  for (let nth = 0; nth < commands * seconds; nth += 1) {
    signal.throwIfAborted();
    const waitMs = startedAtMs + (nth * 1_000) / commands - machineMs();
    if (waitMs > 1) await sleep(waitMs);
    const person = people[nth % people.length];
    if (person !== undefined) underWay.push(like(person));
  }
  await Promise.all(underWay);
  return likes;
}
