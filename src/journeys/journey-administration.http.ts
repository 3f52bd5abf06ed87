import { Body, Controller, Delete, Get, Param, Patch, Post, UseFilters } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { JourneyLinkUid, JourneyUid, PromptUid } from '../kernel/ids.js';
import { unixSeconds } from '../kernel/instant.js';
import { Admin } from '../platform/auth/access.js';
import { Tokens } from '../platform/auth/verification.js';
import { happened } from '../platform/deciding/happened.js';
import type { Cause } from '../platform/deciding/stream-command.js';
import { Answers } from '../platform/http/answers.js';
import { CausedBy } from '../platform/http/caused-by.js';
import { reached, type Reached } from '../platform/http/position.js';
import { Problem } from '../platform/http/problem.js';
import { refusals } from '../platform/http/refusals.js';
import { newUid } from '../platform/ids/uids.js';
import { DurationSeconds, PromptContent } from '../interactive-prompts/prompt-content.js';
import type { PromptRefusal } from '../interactive-prompts/prompt.js';
import { JourneyCommand, Journeys } from './journeys.bus.js';
import {
  journeyEvents,
  type JourneyChanges,
  type JourneyRefusal,
  JourneyTitle,
  type JourneyWish,
  type KnownJourney,
  Subcategory,
} from './journey.js';

const names = Subcategory.shape;
const ExternalSubcategory = z.object({
  internal_name: names.internalName.describe('What statistics are kept under'),
  external_name: names.externalName.describe('What people see'),
});

const lobbySecondsDefault = 10;
const NewJourney = z.object({
  title: JourneyTitle,
  subcategory: ExternalSubcategory,
  prompt: PromptContent,
  lobby_duration_seconds: z.int().min(5).max(300).default(lobbySecondsDefault),
});

const Changes = z.object({
  title: JourneyTitle.optional(),
  subcategory: ExternalSubcategory.optional(),
  prompt: PromptContent.optional().describe(
    'Other words for the same question keep the answers; another question does not',
  ),
  lobby_duration_seconds: DurationSeconds.optional().describe('If it is there, the journey gets a new prompt'),
  archive_prompt_responses: z
    .boolean()
    .default(false)
    .describe('Gives the journey a new prompt, whatever else changes'),
});

const JourneyAnswer = z.object({
  uid: JourneyUid,
  jwt: z.string().describe('Starts the journey’s prompt, together with a person’s token'),
  title: z.string(),
  subcategory: ExternalSubcategory,
  interactive_prompt_uid: PromptUid,
  prompt: PromptContent,
  lobby_duration_seconds: DurationSeconds,
  created_at: z.number().describe('Unix seconds'),
  deleted: z.boolean(),
});

@ApiTags('journeys')
@Controller('api/1/journeys')
@Admin()
@UseFilters(
  refusals<JourneyRefusal | PromptRefusal>({
    already_exists: { status: 409, type: 'already_exists', message: 'There is such a journey already.' },
    not_found: {
      status: 404,
      type: 'not_found',
      message: 'There is no such journey, or it or its prompt was deleted.',
    },
    another_question: {
      status: 503,
      type: 'raced',
      message: 'The journey asks something else by now. Nothing was changed; try again.',
      retryAfterSeconds: 1,
    },
  }),
)
export class JourneyAdministrationHttp {
  constructor(
    private readonly commands: CommandBus,
    private readonly journeys: Journeys,
    private readonly tokens: Tokens,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Creates a journey and the prompt of its lobby, both or neither' })
  @Answers(201, JourneyAnswer)
  async create(
    @Body({ schema: NewJourney }) body: z.output<typeof NewJourney>,
    @CausedBy() cause: Cause,
  ): Promise<Reached<z.input<typeof JourneyAnswer>>> {
    const journeyUid = newUid('j', JourneyUid);
    const decided = await this.commands.execute(
      new JourneyCommand(
        journeyUid,
        {
          type: 'CreateJourney',
          journeyUid,
          title: body.title,
          subcategory: subcategoryOf(body.subcategory),
          promptUid: newUid('ip', PromptUid),
          content: body.prompt,
          durationSeconds: body.lobby_duration_seconds,
          at: unixSeconds(new Date()),
        },
        cause,
      ),
    );
    const { at, ...created } = happened(decided, 'JourneyCreated', journeyEvents);
    return reached(decided, this.answer({ ...created, phase: 'offered', createdAt: at }));
  }

  @Patch(':uid')
  @ApiOperation({
    summary: 'Changes a journey',
    description:
      'New words for the same question change its prompt in place. Another question, a lobby duration (also the same one) or ' +
      '`archive_prompt_responses` replace it: the former prompt takes no new sessions, and counts towards the journey’s ' +
      'views. The answer is the journey as it is afterwards.',
  })
  @Answers(200, JourneyAnswer)
  async patch(
    @Param('uid', { schema: JourneyUid }) uid: JourneyUid,
    @Body({ schema: Changes }) body: z.output<typeof Changes>,
    @CausedBy() cause: Cause,
  ): Promise<Reached<z.input<typeof JourneyAnswer>>> {
    const wish: JourneyWish = {
      type: 'ChangeJourney',
      changes: changesOf(body),
      promptUid: newUid('ip', PromptUid),
      linkUid: newUid('ipoj', JourneyLinkUid),
      at: unixSeconds(new Date()),
    };
    const decided = await this.commands.execute(new JourneyCommand(uid, wish, cause));
    return reached(decided, this.answer(await this.known(uid)));
  }

  @Get(':uid/settings')
  @ApiOperation({ summary: 'A journey as administrators see it, deleted or not' })
  @Answers(200, JourneyAnswer)
  async read(@Param('uid', { schema: JourneyUid }) uid: JourneyUid): Promise<z.input<typeof JourneyAnswer>> {
    return this.answer(await this.known(uid));
  }

  @Delete(':uid')
  @ApiOperation({ summary: 'Deletes a journey: nobody can start it any more. Its prompt is not touched' })
  @Answers(204)
  async delete(
    @Param('uid', { schema: JourneyUid }) uid: JourneyUid,
    @CausedBy() cause: Cause,
  ): Promise<Reached<undefined>> {
    const wish = { type: 'DeleteJourney', at: unixSeconds(new Date()) } as const;
    return reached(await this.commands.execute(new JourneyCommand(uid, wish, cause)));
  }

  @Post(':uid/undelete')
  @ApiOperation({ summary: 'Takes the deletion of a journey back' })
  @Answers(204)
  async undelete(
    @Param('uid', { schema: JourneyUid }) uid: JourneyUid,
    @CausedBy() cause: Cause,
  ): Promise<Reached<undefined>> {
    const wish = { type: 'UndeleteJourney', at: unixSeconds(new Date()) } as const;
    return reached(await this.commands.execute(new JourneyCommand(uid, wish, cause)));
  }

  private async known(uid: JourneyUid): Promise<KnownJourney> {
    const journey = await this.journeys.current(uid);
    if (journey.phase === 'missing') throw new Problem(404, 'not_found', 'There is no such journey.');
    return journey;
  }

  private answer(journey: Omit<KnownJourney, 'formerPromptUids'>): z.input<typeof JourneyAnswer> {
    const { journeyUid, title, subcategory, promptUid, content, durationSeconds, createdAt, phase } = journey;
    return {
      uid: journeyUid,
      jwt: this.tokens.issueKey('journey', { sub: journeyUid }),
      title,
      subcategory: { internal_name: subcategory.internalName, external_name: subcategory.externalName },
      interactive_prompt_uid: promptUid,
      prompt: content,
      lobby_duration_seconds: durationSeconds,
      created_at: createdAt,
      deleted: phase === 'deleted',
    };
  }
}

function subcategoryOf(given: z.output<typeof ExternalSubcategory>): Subcategory {
  return { internalName: given.internal_name, externalName: given.external_name };
}

function changesOf(body: z.output<typeof Changes>): JourneyChanges {
  return {
    title: body.title,
    subcategory: body.subcategory === undefined ? undefined : subcategoryOf(body.subcategory),
    content: body.prompt,
    durationSeconds: body.lobby_duration_seconds,
    archivesResponses: body.archive_prompt_responses,
  };
}
