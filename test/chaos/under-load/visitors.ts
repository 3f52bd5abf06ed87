import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Dice } from '../interleave/dice.js';
import type { Caller, Told } from './caller.js';
import type { Installation } from './installation.js';

/** Prompts that were created, and what opens their statistics. */
export interface OpenPrompt {
  readonly uid: string;
  readonly jwt: string;
  readonly durationSeconds: number;
}

const CreatedPrompt = z.object({ uid: z.string(), jwt: z.string() });
const StartedSession = z.object({ jwt: z.string(), session_uid: z.string() });

export async function createPrompts(
  caller: Caller,
  { person }: Pick<Installation, 'person'>,
  durationsSeconds: readonly number[],
): Promise<OpenPrompt[]> {
  const prompts: OpenPrompt[] = [];
  for (const durationSeconds of durationsSeconds) {
    const prompt = { style: 'word', text: 'What breaks next?', options: ['the process', 'the database'] };
    const told = await caller.command('admin/interactive_prompts', person('administrator', { admin: true }), {
      prompt,
      duration_seconds: durationSeconds,
    });
    if (told?.status === 201) prompts.push({ ...CreatedPrompt.parse(told.body), durationSeconds });
  }
  return prompts;
}

export interface World {
  readonly caller: Caller;
  readonly installation: Pick<Installation, 'person'>;
  readonly prompts: readonly OpenPrompt[];
  /** A prompt so short that nobody who leaves it without a word is waited for long. Absent: everybody leaves properly. */
  readonly short?: OpenPrompt;
  /** Sessions that were joined and never left, which the program has to end by itself. */
  readonly abandoned: Set<string>;
  readonly pauseMs?: number;
}

/** One person who goes from prompt to prompt: starts, joins, likes now and then, and leaves, or just closes the laptop. */
export class Visitor {
  constructor(
    private readonly sub: string,
    private readonly world: World,
    private readonly dice: Dice,
  ) {}

  async visitUntil(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      if (this.world.short !== undefined && this.dice.oneIn(10)) await this.#closeLaptopIn(this.world.short);
      else await this.#visit(this.dice.pick(this.world.prompts), over);
    }
  }

  async #closeLaptopIn(prompt: OpenPrompt): Promise<void> {
    const session = await this.#start(prompt);
    if (session === undefined) return;
    const joined = await session.happen('join', 0);
    if (joined?.status === 201) this.world.abandoned.add(session.uid);
  }

  async #visit(prompt: OpenPrompt, over: AbortSignal): Promise<void> {
    const session = await this.#start(prompt);
    if (session === undefined || (await session.happen('join', 0)) === undefined) return;
    const likes = 1 + this.dice.below(6);
    const step = prompt.durationSeconds / (likes + 2);
    for (let like = 1; like <= likes && !over.aborted; like += 1) {
      await session.happen('like', Number((like * step).toFixed(3)));
      if (this.world.pauseMs !== undefined) await sleep(this.world.pauseMs);
    }
    await session.happen('leave', prompt.durationSeconds);
  }

  async #start({ uid }: OpenPrompt): Promise<Session | undefined> {
    const { caller, installation } = this.world;
    const sender = installation.person(this.sub);
    const started = await caller.command('interactive_prompts/start', sender, { interactive_prompt_uid: uid });
    if (started?.status !== 201) return undefined;
    const { jwt, session_uid } = StartedSession.parse(started.body);
    const about = { interactive_prompt_uid: uid, interactive_prompt_jwt: jwt, session_uid, data: {} };
    return {
      uid: session_uid,
      happen: (what, promptTime) =>
        caller.command(`interactive_prompts/events/${what}`, sender, { ...about, prompt_time: promptTime }),
    };
  }
}

interface Session {
  readonly uid: string;
  happen(what: 'join' | 'like' | 'leave', promptTime: number): Promise<Told | undefined>;
}
