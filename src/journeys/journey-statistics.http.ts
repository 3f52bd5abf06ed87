import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { JourneyViews } from '../../projections/journeys/journey-views.js';
import { OldLinksOf } from '../../projections/journeys/old-journey-links.js';
import { JourneyLinkUid, JourneyUid, PromptUid } from '../kernel/ids.js';
import { unixSeconds } from '../kernel/instant.js';
import { Admin } from '../platform/auth/access.js';
import { Answers } from '../platform/http/answers.js';
import { WaitsFor } from '../platform/http/position.js';
import { Problem } from '../platform/http/problem.js';

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
