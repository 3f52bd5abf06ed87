import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { JourneyPage } from '../../projections/journeys/journey-list.js';
import { JourneyViews } from '../../projections/journeys/journey-views.js';
import { OldLinksOf } from '../../projections/journeys/old-journey-links.js';
import { JourneyLinkUid, JourneyUid, PromptUid } from '../kernel/ids.js';
import { unixSeconds } from '../kernel/instant.js';
import { Admin } from '../platform/auth/access.js';
import { Answers } from '../platform/http/answers.js';
import { WaitsFor } from '../platform/http/position.js';
import { Problem } from '../platform/http/problem.js';
import { wholeNumber } from '../platform/http/query-numbers.js';

const Of = z.object({ journey_uid: JourneyUid });

const Views = z.object({
  views: z.int().describe('How often somebody joined the prompt that the journey asks, or one that it asked before'),
  retrieved_at: z.number().describe('Unix seconds'),
});

const FormerPrompts = z.object({
  items: z
    .array(z.object({ uid: JourneyLinkUid, interactive_prompt_uid: PromptUid, detached_at: z.number() }))
    .readonly()
    .describe('Oldest first'),
});

const ListOf = z.object({
  prompt_style: z.enum(['numeric', 'press', 'color', 'word']).optional().describe('Of the prompt that is asked now'),
  has_sessions: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .describe('Whether anybody ever started the prompt that is asked now'),
  after: JourneyUid.optional().describe('The `next` of the page before'),
  limit: wholeNumber(z.int().min(1).max(1_000)).default(100).describe('At most this many; 100 if absent'),
});

const List = z.object({
  items: z
    .array(
      z.object({
        uid: JourneyUid,
        title: z.string(),
        subcategory_internal_name: z.string(),
        interactive_prompt_uid: PromptUid,
        prompt_style: z.string(),
        sessions: z.int().describe('Of the prompt that is asked now, joined or not'),
        created_at: z.number().describe('Unix seconds'),
        deleted: z.boolean(),
      }),
    )
    .readonly(),
  next: JourneyUid.nullable().describe('Null when there may be no more'),
});

@ApiTags('journeys')
@Controller('api/1/admin')
@Admin()
export class JourneyStatisticsHttp {
  constructor(private readonly queries: QueryBus) {}

  @Get('journey_views')
  @ApiOperation({
    summary: 'How often the lobby of a journey was entered',
    description: 'Every join counts. Earlier systems counted who was there at the end of the first bin.',
  })
  @WaitsFor('journey_views')
  @Answers(200, Views)
  async views(@Query({ schema: Of }) { journey_uid }: z.output<typeof Of>): Promise<z.input<typeof Views>> {
    const views = await this.queries.execute(new JourneyViews(journey_uid));
    if (views === undefined) throw new Problem(404, 'not_found', 'There is no such journey.');
    return { views, retrieved_at: unixSeconds(new Date()) };
  }

  @Get('journeys')
  @ApiOperation({ summary: 'Journeys, deleted ones too' })
  @WaitsFor('journey_list')
  @Answers(200, List)
  async list(@Query({ schema: ListOf }) wanted: z.output<typeof ListOf>): Promise<z.input<typeof List>> {
    const { prompt_style: promptStyle, has_sessions: hasSessions, after, limit } = wanted;
    const found = await this.queries.execute(new JourneyPage({ promptStyle, hasSessions, after, limit }));
    const items = found.map((journey) => ({
      uid: JourneyUid.parse(journey.journey_uid),
      title: journey.title,
      subcategory_internal_name: journey.internal_name,
      interactive_prompt_uid: PromptUid.parse(journey.prompt_uid),
      prompt_style: journey.prompt_style,
      sessions: journey.sessions,
      created_at: journey.created_at,
      deleted: journey.deleted,
    }));
    return { items, next: items.length < limit ? null : (items.at(-1)?.uid ?? null) };
  }

  @Get('journey_former_prompts')
  @ApiOperation({ summary: 'The prompts that a journey asked before the one that it asks now' })
  @WaitsFor('old_journey_links')
  @Answers(200, FormerPrompts)
  async formerPrompts(@Query({ schema: Of }) { journey_uid }: z.output<typeof Of>): Promise<FormerPromptsAnswer> {
    const links = await this.queries.execute(new OldLinksOf(journey_uid));
    const items = links.map((link) => ({
      uid: JourneyLinkUid.parse(link.link_uid),
      interactive_prompt_uid: PromptUid.parse(link.prompt_uid),
      detached_at: link.detached_at,
    }));
    return { items };
  }
}

type FormerPromptsAnswer = z.input<typeof FormerPrompts>;
