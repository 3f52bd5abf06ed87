import { Injectable } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { z } from 'zod';
import { Departures } from '../../projections/people/departed-people.js';
import { PromptSessionUid, type PromptUid, type UserSub } from '../kernel/ids.js';
import { dateOf, unixSeconds } from '../kernel/instant.js';
import { Tokens } from '../platform/auth/verification.js';
import { happened } from '../platform/deciding/happened.js';
import { CommandRefused } from '../platform/deciding/refusals.js';
import type { Cause } from '../platform/deciding/stream-command.js';
import { reached, type Reached } from '../platform/http/position.js';
import { newUid } from '../platform/ids/uids.js';
import type { ExternalPrompt } from './external-prompt.js';
import { PromptSessionCommand, Prompts } from './interactive-prompts.bus.js';
import { promptSessionEvents } from './prompt-session.js';
import type { SessionOrigin } from './prompt-session-moments.js';

export interface Opening {
  readonly promptUid: PromptUid;
  readonly userSub: UserSub;
  readonly origin: SessionOrigin;
  readonly cause: Cause;
}

/** Opens sessions, however somebody comes to a prompt: a new one each time. */
@Injectable()
export class PromptSessions {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly prompts: Prompts,
    private readonly tokens: Tokens,
  ) {}

  /** Rejects with CommandRefused: OpeningRefusal, or `user_not_found`. */
  async open({ promptUid, userSub, origin, cause }: Opening): Promise<Reached<z.input<typeof ExternalPrompt>>> {
    const departures = await this.queries.execute(new Departures([userSub]));
    if (departures.has(userSub)) throw new CommandRefused('person', 'OpenSession', 'user_not_found');
    const sessionUid = newUid('ips', PromptSessionUid);
    const prompt = await this.prompts.current(promptUid);
    const wish = { type: 'OpenSession', sessionUid, userSub, prompt, origin, at: unixSeconds(new Date()) } as const;
    const decided = await this.commands.execute(new PromptSessionCommand(sessionUid, wish, cause));
    const opened = happened(decided, 'SessionOpened', promptSessionEvents);
    return reached(decided, {
      uid: opened.promptUid,
      jwt: this.tokens.issueKey('interactivePrompt', { sub: opened.promptUid, at: dateOf(opened.createdAt) }),
      session_uid: opened.sessionUid,
      prompt: opened.content,
      duration_seconds: opened.durationSeconds,
    });
  }
}
