import { applyDecorators, Body, Controller, Post, UseFilters } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { PromptEventUid, PromptSessionUid, UserSub } from '../kernel/ids.js';
import { Caller, ChecksTokensItself, granted } from '../platform/auth/access.js';
import type { TokenRefusal, UserToken } from '../platform/auth/tokens.js';
import { Tokens } from '../platform/auth/verification.js';
import type { Cause } from '../platform/deciding/stream-command.js';
import { Answers } from '../platform/http/answers.js';
import { CausedBy } from '../platform/http/caused-by.js';
import { reached, type Reached } from '../platform/http/position.js';
import { Problem } from '../platform/http/problem.js';
import { refusals } from '../platform/http/refusals.js';
import { type Act, PromptParticipation } from './prompt-participation.commands.js';
import { participationRefusals } from './prompt-participation.refusals.js';
import { watched, type WatchedType } from './watch-item.js';

/** An id that is merely malformed is that of nothing, and gets the answer that unknown ids get, in its turn. */
const id = z.string().max(255);

const eventWith = <Data extends z.ZodType>(data: Data) =>
  z.object({
    interactive_prompt_uid: id,
    interactive_prompt_jwt: z.string().describe('Bare, without `bearer `'),
    session_uid: id,
    prompt_time: z.number().describe('Seconds since this person entered the prompt'),
    data,
  });

const Plain = eventWith(z.object({}));
const Rating = eventWith(z.object({ rating: z.int() }));
const Choice = eventWith(z.object({ index: z.int().nonnegative().describe('Counted from 0') }));
type NewEvent = Omit<z.output<typeof Plain>, 'data'>;

const Told = z.object({
  uid: PromptEventUid,
  user_sub: UserSub,
  session_uid: PromptSessionUid,
  type: z.string(),
  prompt_time: z.number(),
  icon: z.object({ uid: z.string(), jwt: z.string() }).nullable(),
  data: z
    .record(z.string(), z.union([z.string(), z.number()]))
    .describe('The name of who joins or leaves; the rating or index of an answer'),
});
type Told = Reached<z.input<typeof Told>>;

function Takes(path: string, type: WatchedType, summary: string): MethodDecorator {
  return applyDecorators(
    Post(path),
    ApiOperation({ summary, description: `Its type is \`${type}\`.` }),
    ChecksTokensItself('clients rely on the prompt’s token being judged before the person’s'),
  );
}

@ApiTags('interactive prompts')
@Controller('api/1/interactive_prompts/events')
@UseFilters(refusals(participationRefusals))
export class PromptEventsHttp {
  constructor(
    private readonly participation: PromptParticipation,
    private readonly tokens: Tokens,
  ) {}

  @Takes('join', 'join', 'Enters the prompt: what begins every session, once')
  @Answers(201, Told)
  join(@Body({ schema: Plain }) body: NewEvent, @Caller() caller: Called, @CausedBy() cause: Cause): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'Join' });
  }

  @Takes('leave', 'leave', 'Leaves the prompt for good: what ends every session, once')
  @Answers(201, Told)
  leave(@Body({ schema: Plain }) body: NewEvent, @Caller() caller: Called, @CausedBy() cause: Cause): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'Leave' });
  }

  @Takes('like', 'like', 'Likes the prompt, as often as one wants at different prompt times')
  @Answers(201, Told)
  like(@Body({ schema: Plain }) body: NewEvent, @Caller() caller: Called, @CausedBy() cause: Cause): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'Like' });
  }

  @Takes('respond_numeric_prompt', 'numeric_prompt_response', 'Answers a numeric prompt; later answers replace earlier')
  @Answers(201, Told)
  number(
    @Body({ schema: Rating }) body: z.output<typeof Rating>,
    @Caller() caller: Called,
    @CausedBy() cause: Cause,
  ): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'AnswerNumber', rating: body.data.rating });
  }

  @Takes('respond_press_prompt/start', 'press_prompt_start_response', 'Begins to press')
  @Answers(201, Told)
  press(@Body({ schema: Plain }) body: NewEvent, @Caller() caller: Called, @CausedBy() cause: Cause): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'StartPress' });
  }

  @Takes('respond_press_prompt/end', 'press_prompt_end_response', 'Ends a press; leaving ends it too')
  @Answers(201, Told)
  release(@Body({ schema: Plain }) body: NewEvent, @Caller() caller: Called, @CausedBy() cause: Cause): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'EndPress' });
  }

  @Takes('respond_color_prompt', 'color_prompt_response', 'Answers a color prompt; later answers replace earlier')
  @Answers(201, Told)
  color(
    @Body({ schema: Choice }) body: z.output<typeof Choice>,
    @Caller() caller: Called,
    @CausedBy() cause: Cause,
  ): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'AnswerColor', index: body.data.index });
  }

  @Takes('respond_word_prompt', 'word_prompt_response', 'Answers a word prompt; later answers replace earlier')
  @Answers(201, Told)
  word(
    @Body({ schema: Choice }) body: z.output<typeof Choice>,
    @Caller() caller: Called,
    @CausedBy() cause: Cause,
  ): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'AnswerWord', index: body.data.index });
  }

  private async take({ body, caller, cause }: Asked, act: Act): Promise<Told> {
    const { interactive_prompt_uid: promptUid, session_uid: sessionUid, prompt_time: promptTime } = body;
    const user = this.participant(body, caller);
    const taken = await this.participation.take({ promptUid, sessionUid, promptTime, user, cause }, act);
    const { event, icon } = taken;
    const { evtype, data } = watched(event);
    return reached(taken, {
      uid: event.eventUid,
      user_sub: event.userSub,
      session_uid: event.sessionUid,
      type: evtype,
      prompt_time: event.promptTime,
      icon,
      data,
    });
  }

  /** The order of these checks is part of the contract. */
  private participant(body: NewEvent, caller: Called): UserToken {
    const key = granted(this.tokens.key('interactivePrompt', body.interactive_prompt_jwt));
    if (key.sub !== body.interactive_prompt_uid) throw new Problem(403, 'invalid', 'The token is for another prompt.');
    return granted(caller);
  }
}

type Called = UserToken | TokenRefusal;

interface Asked {
  readonly body: NewEvent;
  readonly caller: Called;
  readonly cause: Cause;
}
