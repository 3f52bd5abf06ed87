import { Body, Controller, Get, Param, Post, UseFilters } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { JourneyUid, PromptSessionUid, PromptUid } from '../kernel/ids.js';
import { granted, User } from '../platform/auth/access.js';
import type { UserToken } from '../platform/auth/tokens.js';
import { Tokens } from '../platform/auth/verification.js';
import type { Cause } from '../platform/deciding/stream-command.js';
import { Answers } from '../platform/http/answers.js';
import { CausedBy } from '../platform/http/caused-by.js';
import { reached, type Reached } from '../platform/http/position.js';
import { Problem } from '../platform/http/problem.js';
import { refusals } from '../platform/http/refusals.js';
import { ExternalPrompt } from '../interactive-prompts/external-prompt.js';
import { DurationSeconds, PromptContent } from '../interactive-prompts/prompt-content.js';
import type { PromptSessionRefusal } from '../interactive-prompts/prompt-session.js';
import { PromptSessions } from '../interactive-prompts/prompt-sessions.commands.js';
import { Journeys } from './journeys.bus.js';
import type { KnownJourney } from './journey.js';

const ExternalJourney = z.object({
  uid: JourneyUid,
  jwt: z.string().describe('Starts the journey’s prompt, together with a person’s token'),
  title: z.string(),
  interactive_prompt_uid: PromptUid,
});

const StartPrompt = z.object({
  journey_uid: JourneyUid,
  journey_jwt: z.string().describe('Bare, without `bearer `'),
});

const StartJourney = z.object({ journey_uid: JourneyUid });

const StartedJourney = ExternalJourney.extend({
  session_uid: PromptSessionUid,
  prompt: PromptContent,
  lobby_duration_seconds: DurationSeconds,
});

const retryAfterSeconds = 15;
const failedToStart = {
  status: 503,
  type: 'session_failed_to_start',
  message: 'The prompt takes no new sessions right now. Try again.',
  retryAfterSeconds,
} as const;

/** What opening a session can be refused for. Everything else that sessions refuse comes later. */
type OpeningRefusal = Extract<PromptSessionRefusal, 'already_exists' | 'not_found'>;

@ApiTags('journeys')
@Controller('api/1/journeys')
@UseFilters(refusals<OpeningRefusal>({ already_exists: failedToStart, not_found: failedToStart }))
export class JourneysHttp {
  constructor(
    private readonly journeys: Journeys,
    private readonly sessions: PromptSessions,
    private readonly tokens: Tokens,
  ) {}

  @Get(':uid')
  @ApiOperation({ summary: 'A journey as those see it who want to take it' })
  @Answers(200, ExternalJourney)
  async read(@Param('uid', { schema: JourneyUid }) uid: JourneyUid): Promise<z.input<typeof ExternalJourney>> {
    const journey = await this.journeys.current(uid);
    if (journey.phase !== 'offered') throw new Problem(404, 'not_found', 'There is no such journey.');
    return this.external(journey);
  }

  @Post('start_interactive_prompt')
  @ApiOperation({ summary: 'Opens a session of one’s own in the prompt of a journey, a new one each time' })
  @Answers(201, ExternalPrompt)
  async startPrompt(
    @Body({ schema: StartPrompt }) body: z.output<typeof StartPrompt>,
    @User() user: UserToken,
    @CausedBy() cause: Cause,
  ): Promise<Reached<z.input<typeof ExternalPrompt>>> {
    const key = granted(this.tokens.key('journey', body.journey_jwt));
    if (key.sub !== body.journey_uid) throw new Problem(403, 'invalid', 'The token is for another journey.');
    return this.open(await this.offered(body.journey_uid), user, cause);
  }

  @Post('start')
  @ApiOperation({
    summary: 'Opens a session of one’s own in the prompt of a journey, in one step',
    description:
      'For clients of the journey era: the token of the journey also opens the routes that take part in its prompt.',
  })
  @Answers(201, StartedJourney)
  async start(
    @Body({ schema: StartJourney }) body: z.output<typeof StartJourney>,
    @User() user: UserToken,
    @CausedBy() cause: Cause,
  ): Promise<Reached<z.input<typeof StartedJourney>>> {
    const journey = await this.offered(body.journey_uid);
    const opened = await this.open(journey, user, cause);
    const { uid, session_uid, prompt, duration_seconds } = opened.body;
    return reached(opened, {
      ...this.external(journey),
      interactive_prompt_uid: uid,
      session_uid,
      prompt,
      lobby_duration_seconds: duration_seconds,
    });
  }

  private async offered(uid: JourneyUid): Promise<KnownJourney> {
    const journey = await this.journeys.current(uid);
    if (journey.phase === 'offered') return journey;
    throw new Problem(503, 'journey_gone', 'There is no such journey any more.', { retryAfterSeconds });
  }

  private open({ journeyUid, subcategory, promptUid }: KnownJourney, { sub }: UserToken, cause: Cause) {
    const origin = { kind: 'journey', journeyUid, subcategory } as const;
    return this.sessions.open({ promptUid, userSub: sub, origin, cause });
  }

  private external({ journeyUid, title, promptUid }: KnownJourney): z.input<typeof ExternalJourney> {
    const jwt = this.tokens.issueKey('journey', { sub: journeyUid });
    return { uid: journeyUid, jwt, title, interactive_prompt_uid: promptUid };
  }
}
