import { Injectable } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { Departures } from '../../projections/people/departed-people.js';
import { PromptEventUid, PromptSessionUid, PromptUid } from '../kernel/ids.js';
import { unixSeconds } from '../kernel/instant.js';
import type { UserToken } from '../platform/auth/tokens.js';
import { CommandRefused } from '../platform/deciding/refusals.js';
import type { Cause } from '../platform/deciding/stream-command.js';
import { derivedUid, newUid } from '../platform/ids/uids.js';
import { displayNameOf } from './display-name.js';
import { type Icon, Icons } from './icons.queries.js';
import { PromptSessionCommand, Prompts } from './interactive-prompts.bus.js';
import type { PromptSessionMoment, PromptSessionRefusal } from './prompt-session.js';
import type { Participation, ParticipationWish } from './prompt-session-wishes.js';
import type { AnswerWish } from './prompt-session-answers.js';
import { isMoment } from './watch-item.js';

/**
 * What somebody does in a prompt: the one way in, whichever generation of clients asks, so that old and new ones take part in
 * the same stays.
 *
 * Whoever calls has checked the tokens. What is left of the contract's order of checks is decided here and by the model.
 */
export interface Taking {
  /** As the client wrote it. An id that is none is that of an unknown prompt or session, not a mistake of its own. */
  readonly promptUid: string;
  readonly sessionUid: string;
  readonly promptTime: number;
  readonly user: UserToken;
  readonly cause: Cause;
}

export type Act = { readonly type: 'Join' } | { readonly type: 'Like' } | { readonly type: 'Leave' } | AnswerWish;

export interface Taken {
  readonly position: bigint;
  readonly event: PromptSessionMoment;
  /** The person’s latest picture. */
  readonly icon: Icon | null;
}

export type ParticipationRefusal = PromptSessionRefusal | 'user_not_found';

@Injectable()
export class PromptParticipation {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly prompts: Prompts,
    private readonly icons: Icons,
  ) {}

  /** Rejects with CommandRefused: see ParticipationRefusal. */
  async take(taking: Taking, act: Act): Promise<Taken> {
    const { cause, user } = taking;
    if (act.type === 'Join') await this.expectHere(user);
    const wish = wishOf(act, await this.participationOf(taking), user);
    const sessionUid = knownSession(taking.sessionUid);
    const decided = await this.commands.execute(new PromptSessionCommand(sessionUid, wish, cause));
    const moments = decided.events.map(({ event }) => event).filter(isMoment);
    // What an act brings with it, such as the end of a press, comes before what was asked for.
    const event = moments.at(-1);
    if (event === undefined) throw new TypeError(`${wish.type} led to nothing.`);
    return { position: decided.position, event, icon: await this.icons.of(event.userSub) };
  }

  private async expectHere({ sub }: UserToken): Promise<void> {
    const departures = await this.queries.execute(new Departures([sub]));
    if (departures.has(sub)) throw new CommandRefused('person', 'JoinSession', 'user_not_found');
  }

  private async participationOf({ promptUid, promptTime, user }: Taking): Promise<Participation> {
    const uid = knownPrompt(promptUid);
    return {
      promptUid: uid,
      prompt: await this.prompts.lastSeen(uid),
      userSub: user.sub,
      eventUid: newUid('ipe', PromptEventUid),
      promptTime,
      at: unixSeconds(new Date()),
    };
  }
}

function wishOf(act: Act, participation: Participation, user: UserToken): ParticipationWish {
  switch (act.type) {
    case 'Join':
      return { type: 'JoinSession', ...participation, name: displayNameOf(user) };
    case 'Like':
      return { type: 'LikePrompt', ...participation };
    case 'Leave': {
      const releaseUid = newUid('ipe', PromptEventUid);
      return { type: 'LeaveSession', ...participation, releaseUid, name: displayNameOf(user) };
    }
    case 'AnswerNumber':
    case 'AnswerColor':
    case 'AnswerWord':
    case 'StartPress':
    case 'EndPress':
      return { ...act, ...participation };
  }
}

// Malformed ids are those of nothing.

function knownPrompt(text: string): PromptUid {
  return PromptUid.safeParse(text).data ?? derivedUid('ip', PromptUid, `malformed ${text}`);
}

function knownSession(text: string): PromptSessionUid {
  return PromptSessionUid.safeParse(text).data ?? derivedUid('ips', PromptSessionUid, `malformed ${text}`);
}
