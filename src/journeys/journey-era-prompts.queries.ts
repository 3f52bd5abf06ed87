import { Injectable } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { PromptsOfSessions } from '../../projections/interactive-prompts/sessions.js';
import type { JourneyUid, PromptUid } from '../kernel/ids.js';
import { granted } from '../platform/auth/access.js';
import type { KeyToken, TokenRefusal } from '../platform/auth/tokens.js';
import { invalidInput, Problem } from '../platform/http/problem.js';
import type { SearchRequest } from '../interactive-prompts/event-search-request.js';
import { Prompts } from '../interactive-prompts/interactive-prompts.bus.js';
import type { Prompt } from '../interactive-prompts/prompt.js';
import { JourneyPrompts } from './journey-prompts.queries.js';

type KnownPrompt = Exclude<Prompt, { readonly phase: 'missing' }>;

type SessionFilter = SearchRequest['filters']['session_uid'];

function namedSessions(filter: SessionFilter): readonly string[] | undefined {
  switch (filter?.operator) {
    case 'eq':
      return [filter.value];
    case 'in':
      return filter.value;
    case 'neq':
    case undefined:
      return undefined;
  }
}

/** The prompt that a reader of the journey era may look at, or the answer that the reader gets. */
@Injectable()
export class JourneyEraPrompts {
  constructor(
    private readonly journeyPrompts: JourneyPrompts,
    private readonly prompts: Prompts,
    private readonly queries: QueryBus,
  ) {}

  /** The order of these checks is part of the contract. */
  opened(uid: JourneyUid, key: KeyToken | TokenRefusal): Promise<KnownPrompt> {
    if (granted(key).sub !== uid) throw ofAnotherJourney();
    return this.known(uid);
  }

  /**
   * Where to search: in the prompt that the journey asks now, unless the search names sessions. Those are found in whichever
   * prompt of the journey they are in.
   */
  async searched(uid: JourneyUid, { filters, sort }: SearchRequest): Promise<readonly PromptUid[]> {
    const { promptUid } = await this.known(uid);
    const named = namedSessions(filters.session_uid);
    if (named === undefined) return [promptUid];
    const found = await this.queries.execute(new PromptsOfSessions(named));
    const asked = await this.journeyPrompts.askedBy(uid, found);
    const isSample = sort.some(({ key }) => key === 'random') || (filters.dropout_for_total ?? undefined) !== undefined;
    if (asked.length > 1 && isSample) throw invalidInput([{ in: 'body', path: '/sort', message: severalAtOnce }]);
    return asked;
  }

  async known(uid: JourneyUid): Promise<KnownPrompt> {
    const promptUid = await this.journeyPrompts.current(uid);
    if (promptUid === undefined) throw journeyNotFound();
    const prompt = await this.prompts.lastSeen(promptUid);
    if (prompt.phase === 'missing') throw journeyNotFound();
    return prompt;
  }
}

const severalAtOnce = 'must be by uid or journey_time where the sessions are in several prompts';

export function ofAnotherJourney(): Problem {
  return new Problem(403, 'invalid', 'The token is for another journey.');
}

export function journeyNotFound(): Problem {
  return new Problem(404, 'journey_not_found', 'There is no such journey, or its prompt is over by then.');
}
