import { Injectable } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { z } from 'zod';
import { SessionPage } from '../../projections/interactive-prompts/sessions.js';
import { Departures } from '../../projections/people/departed-people.js';
import { PromptSessionUid, type PromptUid, type UserSub } from '../kernel/ids.js';
import { dateOf, type UnixSeconds, unixSeconds } from '../kernel/instant.js';
import { Tokens } from '../platform/auth/verification.js';
import { happened } from '../platform/deciding/happened.js';
import { CommandRefused } from '../platform/deciding/refusals.js';
import type { Cause } from '../platform/deciding/stream-command.js';
import { reached, type Reached } from '../platform/http/position.js';
import { newUid } from '../platform/ids/uids.js';
import type { ExternalPrompt } from './external-prompt.js';
import { PromptSessionCommand, Prompts } from './interactive-prompts.bus.js';
import type { PromptContent } from './prompt-content.js';
import type { Prompt } from './prompt.js';
import { promptSessionEvents } from './prompt-session.js';
import type { SessionOrigin } from './prompt-session-moments.js';

export interface Opening {
  readonly promptUid: PromptUid;
  readonly userSub: UserSub;
  readonly origin: SessionOrigin;
  readonly cause: Cause;
  /** Whether a session that the person never began will do. Only for a place that shows one prompt to one client at a time. */
  readonly reuses?: boolean;
}

/**
 * Opens sessions, however somebody comes to a prompt: a new one each time, so that clients of one person on two devices never
 * share a stay, unless it is said that an unused one will do.
 */
@Injectable()
export class PromptSessions {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly prompts: Prompts,
    private readonly tokens: Tokens,
  ) {}

  /** Rejects with CommandRefused: OpeningRefusal, or `user_not_found`. */
  async open(opening: Opening): Promise<Reached<z.input<typeof ExternalPrompt>>> {
    const { promptUid, userSub, origin, cause, reuses = false } = opening;
    const departures = await this.queries.execute(new Departures([userSub]));
    if (departures.has(userSub)) throw new CommandRefused('person', 'OpenSession', 'user_not_found');
    const prompt = await this.prompts.current(promptUid);
    const reused = reuses ? await this.reuse(opening, prompt) : undefined;
    if (reused !== undefined) return reused;
    const sessionUid = newUid('ips', PromptSessionUid);
    const wish = { type: 'OpenSession', sessionUid, userSub, prompt, origin, at: unixSeconds(new Date()) } as const;
    const decided = await this.commands.execute(new PromptSessionCommand(sessionUid, wish, cause));
    return reached(decided, this.external(happened(decided, 'SessionOpened', promptSessionEvents)));
  }

  /**
   * The person's newest session in the prompt that was not begun, if there is one. The read model proposes it, and may be behind;
   * the session itself decides. What a client may ask for twice is the opening: this answers itself the second time.
   */
  private async reuse(
    { promptUid, userSub, cause: { commandId: _, fingerprint: __, ...cause } }: Opening,
    prompt: Prompt,
  ): Promise<Reached<z.input<typeof ExternalPrompt>> | undefined> {
    const unbegun = { promptUid, userSub, state: 'opened', before: undefined, limit: 1 } as const;
    const [session] = await this.queries.execute(new SessionPage(unbegun));
    if (session === undefined || prompt.phase === 'missing') return undefined;
    const sessionUid = PromptSessionUid.parse(session.session_uid);
    const wish = { type: 'ReuseSession', userSub, prompt } as const;
    try {
      const decided = await this.commands.execute(new PromptSessionCommand(sessionUid, wish, cause));
      return reached(decided, this.external({ ...prompt, sessionUid, createdAt: unixSeconds(new Date()) }));
    } catch (error) {
      if (error instanceof CommandRefused) return undefined;
      throw error;
    }
  }

  private external({
    promptUid,
    sessionUid,
    content,
    durationSeconds,
    createdAt,
  }: Ready): z.input<typeof ExternalPrompt> {
    return {
      uid: promptUid,
      jwt: this.tokens.issueKey('interactivePrompt', { sub: promptUid, at: dateOf(createdAt) }),
      session_uid: sessionUid,
      prompt: content,
      duration_seconds: durationSeconds,
    };
  }
}

interface Ready {
  readonly promptUid: PromptUid;
  readonly sessionUid: PromptSessionUid;
  readonly content: PromptContent;
  readonly durationSeconds: number;
  readonly createdAt: UnixSeconds;
}
