import { applyDecorators, Body, Controller, Post, UseFilters } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { PromptEventUid, UserSub } from '../kernel/ids.js';
import { Caller, ChecksTokensItself, granted } from '../platform/auth/access.js';
import type { TokenRefusal, UserToken } from '../platform/auth/tokens.js';
import { Tokens } from '../platform/auth/verification.js';
import type { Cause } from '../platform/deciding/stream-command.js';
import { Answers } from '../platform/http/answers.js';
import { CausedBy } from '../platform/http/caused-by.js';
import { reached, type Reached } from '../platform/http/position.js';
import { Problem } from '../platform/http/problem.js';
import { refusals } from '../platform/http/refusals.js';
import { type Act, PromptParticipation } from '../interactive-prompts/prompt-participation.commands.js';
import { participationRefusals } from '../interactive-prompts/prompt-participation.refusals.js';
import { watched, type WatchedType } from '../interactive-prompts/watch-item.js';
import { eventWith, sessionUidOf } from './journey-era.js';
import { JourneyPrompts } from './journey-prompts.queries.js';

const Plain = eventWith(z.object({}));
const Rating = eventWith(z.object({ rating: z.int() }));
const Choice = eventWith(z.object({ index: z.int().nonnegative().describe('Counted from 0') }));
type NewEvent = Omit<z.output<typeof Plain>, 'data'>;

const Told = z.object({
  uid: PromptEventUid,
  user_sub: UserSub,
  journey_uid: z.string(),
  session_uid: z.string().describe('As the request named it'),
  type: z.string(),
  journey_time: z.number(),
  icon: z.object({ uid: z.string(), jwt: z.string() }).nullable(),
  data: z
    .record(z.string(), z.union([z.string(), z.number()]))
    .describe('The name of who joins or leaves; the rating or index of an answer'),
});
type Told = Reached<z.input<typeof Told>>;

function Takes(path: string, type: WatchedType, summary: string): MethodDecorator {
  const description = `Its type is \`${type}\`. Clients that know interactive prompts use \`/api/1/interactive_prompts/events/${path}\`.`;
  return applyDecorators(
    Post(path),
    ApiOperation({ summary, description, deprecated: true }),
    ChecksTokensItself('clients rely on the journey’s token being judged before the person’s'),
  );
}

@ApiTags('journeys of earlier clients')
@Controller('api/1/journeys/events')
@UseFilters(
  refusals({
    ...participationRefusals,
    impossible_prompt_time: { ...participationRefusals.impossible_prompt_time, type: 'impossible_journey_time' },
  }),
)
export class JourneyEraEventsHttp {
  constructor(
    private readonly participation: PromptParticipation,
    private readonly prompts: JourneyPrompts,
    private readonly tokens: Tokens,
  ) {}

  @Takes('join', 'join', 'Enters the prompt of a journey')
  @Answers(201, Told)
  join(@Body({ schema: Plain }) body: NewEvent, @Caller() caller: Called, @CausedBy() cause: Cause): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'Join' });
  }

  @Takes('leave', 'leave', 'Leaves the prompt of a journey')
  @Answers(201, Told)
  leave(@Body({ schema: Plain }) body: NewEvent, @Caller() caller: Called, @CausedBy() cause: Cause): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'Leave' });
  }

  @Takes('like', 'like', 'Likes the prompt of a journey')
  @Answers(201, Told)
  like(@Body({ schema: Plain }) body: NewEvent, @Caller() caller: Called, @CausedBy() cause: Cause): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'Like' });
  }

  @Takes('respond_numeric_prompt', 'numeric_prompt_response', 'Answers a journey’s numeric prompt')
  @Answers(201, Told)
  number(
    @Body({ schema: Rating }) body: z.output<typeof Rating>,
    @Caller() caller: Called,
    @CausedBy() cause: Cause,
  ): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'AnswerNumber', rating: body.data.rating });
  }

  @Takes('respond_press_prompt/start', 'press_prompt_start_response', 'Begins to press in a journey’s prompt')
  @Answers(201, Told)
  press(@Body({ schema: Plain }) body: NewEvent, @Caller() caller: Called, @CausedBy() cause: Cause): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'StartPress' });
  }

  @Takes('respond_press_prompt/end', 'press_prompt_end_response', 'Ends a press in a journey’s prompt')
  @Answers(201, Told)
  release(@Body({ schema: Plain }) body: NewEvent, @Caller() caller: Called, @CausedBy() cause: Cause): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'EndPress' });
  }

  @Takes('respond_color_prompt', 'color_prompt_response', 'Answers a journey’s color prompt')
  @Answers(201, Told)
  color(
    @Body({ schema: Choice }) body: z.output<typeof Choice>,
    @Caller() caller: Called,
    @CausedBy() cause: Cause,
  ): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'AnswerColor', index: body.data.index });
  }

  @Takes('respond_word_prompt', 'word_prompt_response', 'Answers a journey’s word prompt')
  @Answers(201, Told)
  word(
    @Body({ schema: Choice }) body: z.output<typeof Choice>,
    @Caller() caller: Called,
    @CausedBy() cause: Cause,
  ): Promise<Told> {
    return this.take({ body, caller, cause }, { type: 'AnswerWord', index: body.data.index });
  }

  private async take({ body, caller, cause }: Asked, act: Act): Promise<Told> {
    const user = this.participant(body, caller);
    const sessionUid = sessionUidOf(body.session_uid);
    // The id of a journey is that of no prompt, so one that there isn't is answered like a prompt that there isn't.
    const promptUid = (await this.prompts.ofSession(body.journey_uid, sessionUid)) ?? body.journey_uid;
    const taking = { promptUid, sessionUid, promptTime: body.journey_time, user, cause };
    const taken = await this.participation.take(taking, act);
    const { event, icon } = taken;
    const { evtype, data } = watched(event);
    return reached(taken, {
      uid: event.eventUid,
      user_sub: event.userSub,
      journey_uid: body.journey_uid,
      session_uid: body.session_uid,
      type: evtype,
      journey_time: event.promptTime,
      icon,
      data,
    });
  }

  /** The order of these checks is part of the contract. */
  private participant(body: NewEvent, caller: Called): UserToken {
    const key = granted(this.tokens.key('journey', body.journey_jwt));
    if (key.sub !== body.journey_uid) throw new Problem(403, 'invalid', 'The token is for another journey.');
    return granted(caller);
  }
}

type Called = UserToken | TokenRefusal;

interface Asked {
  readonly body: NewEvent;
  readonly caller: Called;
  readonly cause: Cause;
}
