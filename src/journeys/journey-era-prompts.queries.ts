import { Injectable } from '@nestjs/common';
import type { JourneyUid } from '../kernel/ids.js';
import { granted } from '../platform/auth/access.js';
import type { KeyToken, TokenRefusal } from '../platform/auth/tokens.js';
import { Problem } from '../platform/http/problem.js';
import { Prompts } from '../interactive-prompts/interactive-prompts.bus.js';
import type { Prompt } from '../interactive-prompts/prompt.js';
import { JourneyPrompts } from './journey-prompts.queries.js';

type KnownPrompt = Exclude<Prompt, { readonly phase: 'missing' }>;

/** The prompt that a reader of the journey era may look at, or the answer that the reader gets. */
@Injectable()
export class JourneyEraPrompts {
  constructor(
    private readonly journeyPrompts: JourneyPrompts,
    private readonly prompts: Prompts,
  ) {}

  /** The order of these checks is part of the contract. */
  opened(uid: JourneyUid, key: KeyToken | TokenRefusal): Promise<KnownPrompt> {
    if (granted(key).sub !== uid) throw ofAnotherJourney();
    return this.known(uid);
  }

  async known(uid: JourneyUid): Promise<KnownPrompt> {
    const promptUid = await this.journeyPrompts.current(uid);
    if (promptUid === undefined) throw journeyNotFound();
    const prompt = await this.prompts.lastSeen(promptUid);
    if (prompt.phase === 'missing') throw journeyNotFound();
    return prompt;
  }
}

export function ofAnotherJourney(): Problem {
  return new Problem(403, 'invalid', 'The token is for another journey.');
}

export function journeyNotFound(): Problem {
  return new Problem(404, 'journey_not_found', 'There is no such journey, or its prompt is over by then.');
}
