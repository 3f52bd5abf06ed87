import { Body, Controller, Post, UseFilters } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { PromptEventUid, PromptSessionUid, PromptUid, UserSub } from '../kernel/ids.js';
import { dateOf, unixSeconds } from '../kernel/instant.js';
import { Caller, ChecksTokensItself, granted, User } from '../platform/auth/access.js';
import type { TokenRefusal, UserToken } from '../platform/auth/tokens.js';
import { Tokens } from '../platform/auth/verification.js';
import { happened } from '../platform/deciding/happened.js';
import type { Cause } from '../platform/deciding/stream-command.js';
import { Answers } from '../platform/http/answers.js';
import { CausedBy } from '../platform/http/caused-by.js';
import { reached, type Reached } from '../platform/http/position.js';
import { Problem } from '../platform/http/problem.js';
import { refusals } from '../platform/http/refusals.js';
import { newUid } from '../platform/ids/uids.js';
import { displayNameOf } from './display-name.js';
import { PromptSessionCommand, Prompts } from './interactive-prompts.bus.js';
import { DurationSeconds, PromptContent } from './prompt-content.js';
import {
  type Participation,
  promptSessionEvents,
  type PromptSessionMoment,
  type PromptSessionRefusal,
  type PromptSessionWish,
} from './prompt-session.js';

const NewSession = z.object({ interactive_prompt_uid: PromptUid });

const ExternalPrompt = z.object({
  uid: PromptUid,
  jwt: z.string(),
  session_uid: PromptSessionUid,
  prompt: PromptContent,
  duration_seconds: DurationSeconds,
});

const NewEvent = z.object({
  interactive_prompt_uid: PromptUid,
  interactive_prompt_jwt: z.string().describe('Bare, without `bearer `'),
  session_uid: PromptSessionUid,
  prompt_time: z.number().describe('Seconds since this person entered the prompt'),
  data: z.object({}),
});
type NewEvent = z.output<typeof NewEvent>;

const answerOf = <Type extends string, Data extends z.ZodType>(type: Type, data: Data) =>
  z.object({
    uid: PromptEventUid,
    user_sub: UserSub,
    session_uid: PromptSessionUid,
    type: z.literal(type),
    prompt_time: z.number(),
    icon: z.null(),
    data,
  });
const Joined = answerOf('join', z.object({ name: z.string() }));
const Left = answerOf('leave', z.object({ name: z.string() }));
const Liked = answerOf('like', z.object({}));

const tokensInOrder = 'clients rely on the prompt’s token being judged before the person’s';

@ApiTags('interactive prompts')
@Controller('api/1/interactive_prompts')
@UseFilters(
  refusals<PromptSessionRefusal>({
    already_exists: { status: 409, type: 'already_exists', message: 'There is such a session already.' },
    not_found: { status: 404, type: 'not_found', message: 'There is no such prompt.' },
    impossible_prompt_time: {
      status: 409,
      type: 'impossible_prompt_time',
      message: 'The prompt time is before the beginning or after the end of the prompt.',
    },
    session_not_found: { status: 409, type: 'session_not_found', message: 'You have no such session in this prompt.' },
    session_already_started: {
      status: 409,
      type: 'session_already_started',
      message: 'The session was joined before.',
    },
    session_not_started: { status: 409, type: 'session_not_started', message: 'The session was not joined yet.' },
    session_already_ended: { status: 409, type: 'session_already_ended', message: 'The session is over.' },
    session_has_later_event: {
      status: 409,
      type: 'session_has_later_event',
      message: 'Something happened in the session at a later prompt time.',
    },
    session_has_same_event_at_same_time: {
      status: 409,
      type: 'session_has_same_event_at_same_time',
      message: 'The same happened in the session at exactly this prompt time.',
    },
  }),
)
export class PromptSessionsHttp {
  constructor(
    private readonly commands: CommandBus,
    private readonly prompts: Prompts,
    private readonly tokens: Tokens,
  ) {}

  @Post('start')
  @ApiOperation({ summary: 'Opens a session of one’s own in a prompt, a new one each time' })
  @Answers(201, ExternalPrompt)
  async start(
    @Body({ schema: NewSession }) body: z.output<typeof NewSession>,
    @User() { sub }: UserToken,
    @CausedBy() cause: Cause,
  ): Promise<Reached<z.input<typeof ExternalPrompt>>> {
    const sessionUid = newUid('ips', PromptSessionUid);
    const prompt = await this.prompts.current(body.interactive_prompt_uid);
    const wish = { type: 'OpenSession', sessionUid, userSub: sub, prompt, at: unixSeconds(new Date()) } as const;
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

  @Post('events/join')
  @ApiOperation({ summary: 'Enters the prompt: what begins every session, once' })
  @ChecksTokensItself(tokensInOrder)
  @Answers(201, Joined)
  async join(
    @Body({ schema: NewEvent }) body: NewEvent,
    @Caller() caller: UserToken | TokenRefusal,
    @CausedBy() cause: Cause,
  ): Promise<Reached<z.input<typeof Joined>>> {
    const { decided, event } = await this.take({ body, caller, cause }, 'SessionJoined', (participation, user) => ({
      type: 'JoinSession',
      ...participation,
      name: displayNameOf(user),
    }));
    return reached(decided, { ...momentOf(event), type: 'join', data: { name: event.name } });
  }

  @Post('events/leave')
  @ApiOperation({ summary: 'Leaves the prompt for good: what ends every session, once' })
  @ChecksTokensItself(tokensInOrder)
  @Answers(201, Left)
  async leave(
    @Body({ schema: NewEvent }) body: NewEvent,
    @Caller() caller: UserToken | TokenRefusal,
    @CausedBy() cause: Cause,
  ): Promise<Reached<z.input<typeof Left>>> {
    const { decided, event } = await this.take({ body, caller, cause }, 'SessionLeft', (participation, user) => ({
      type: 'LeaveSession',
      ...participation,
      name: displayNameOf(user),
    }));
    return reached(decided, { ...momentOf(event), type: 'leave', data: { name: event.name } });
  }

  @Post('events/like')
  @ApiOperation({ summary: 'Likes the prompt, as often as one wants at different prompt times' })
  @ChecksTokensItself(tokensInOrder)
  @Answers(201, Liked)
  async like(
    @Body({ schema: NewEvent }) body: NewEvent,
    @Caller() caller: UserToken | TokenRefusal,
    @CausedBy() cause: Cause,
  ): Promise<Reached<z.input<typeof Liked>>> {
    const { decided, event } = await this.take({ body, caller, cause }, 'PromptLiked', (participation) => ({
      type: 'LikePrompt',
      ...participation,
    }));
    return reached(decided, { ...momentOf(event), type: 'like', data: {} });
  }

  private async take<Type extends PromptSessionMoment['type']>(
    { body, caller, cause }: Taking,
    leadsTo: Type,
    wishOf: (participation: Participation, user: UserToken) => PromptSessionWish,
  ) {
    const user = this.participant(body, caller);
    const participation = {
      promptUid: body.interactive_prompt_uid,
      prompt: await this.prompts.lastSeen(body.interactive_prompt_uid),
      userSub: user.sub,
      eventUid: newUid('ipe', PromptEventUid),
      promptTime: body.prompt_time,
      at: unixSeconds(new Date()),
    };
    const command = new PromptSessionCommand(body.session_uid, wishOf(participation, user), cause);
    const decided = await this.commands.execute(command);
    return { decided, event: happened(decided, leadsTo, promptSessionEvents) };
  }

  /** The order of these checks is part of the contract. */
  private participant(body: NewEvent, caller: UserToken | TokenRefusal): UserToken {
    const key = granted(this.tokens.key('interactivePrompt', body.interactive_prompt_jwt));
    if (key.sub !== body.interactive_prompt_uid) throw new Problem(403, 'invalid', 'The token is for another prompt.');
    return granted(caller);
  }
}

interface Taking {
  readonly body: NewEvent;
  readonly caller: UserToken | TokenRefusal;
  readonly cause: Cause;
}

function momentOf({ eventUid, userSub, sessionUid, promptTime }: PromptSessionMoment) {
  return { uid: eventUid, user_sub: userSub, session_uid: sessionUid, prompt_time: promptTime, icon: null };
}
