import { Body, Controller, Headers, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { ImageUid, JourneyUid, PromptEventUid, PromptSessionUid } from '../kernel/ids.js';
import { ChecksTokensItself, granted } from '../platform/auth/access.js';
import { Tokens } from '../platform/auth/verification.js';
import { Answers } from '../platform/http/answers.js';
import { WaitsFor } from '../platform/http/position.js';
import { EventSearch, type Found } from '../interactive-prompts/event-search.queries.js';
import { FormerSearchRequest } from './journey-era.js';
import { JourneyEraPrompts, ofAnotherJourney } from './journey-era-prompts.queries.js';

const FormerFound = z.object({
  items: z
    .array(
      z.object({
        user_sub: z.string().nullable(),
        session_uid: PromptSessionUid,
        journey_uid: JourneyUid,
        uid: PromptEventUid,
        evtype: z.string(),
        icon: z.object({ uid: ImageUid, jwt: z.string() }).nullable(),
        data: z.unknown(),
        journey_time: z.number(),
        created_at: z.number(),
      }),
    )
    .readonly(),
  next_page_sort: z.array(z.record(z.string(), z.unknown())).readonly().nullable(),
});

const keyInHeader = 'The header holds the token of the journey: `authorization: bearer <journey jwt>`.';
const notAPersons = 'the header holds the journey’s token, not a person’s';

/** What happened in the prompts of a journey, in the words of the journey era. */
@ApiTags('journeys of earlier clients')
@Controller('api/1/journeys')
export class JourneyEraSearchHttp {
  constructor(
    private readonly journeys: JourneyEraPrompts,
    private readonly tokens: Tokens,
    private readonly events: EventSearch,
  ) {}

  @Post('events/search')
  @ApiOperation({
    summary: 'What happened in a journey’s prompt so far',
    description: `${keyInHeader} It is the prompt that the journey asks now, or that the sessions of the filter are in.`,
    deprecated: true,
  })
  @ChecksTokensItself(notAPersons)
  @WaitsFor('event_search', 'profile_pictures', 'prompt_sessions')
  @Answers(200, FormerFound)
  async search(
    @Body({ schema: FormerSearchRequest }) request: z.output<typeof FormerSearchRequest>,
    @Headers('authorization') authorization: string | undefined,
  ): Promise<z.input<typeof FormerFound>> {
    const journeyUid = JourneyUid.parse(granted(this.tokens.keyInHeader('journey', authorization)).sub);
    const filter = request.filters.interactive_prompt_uid ?? undefined;
    if (filter !== undefined && !(filter.operator === 'eq' && filter.value === journeyUid)) throw ofAnotherJourney();
    const { interactive_prompt_uid: _, ...filters } = request.filters;
    const prompts = await this.journeys.searched(journeyUid, { ...request, filters });
    const found = await this.events.find({ ...request, filters }, prompts);
    const items = found.items.map(({ interactive_prompt_uid: _promptUid, prompt_time, ...event }) => {
      return { ...event, journey_uid: journeyUid, journey_time: prompt_time };
    });
    return { items, next_page_sort: found.next_page_sort?.map(formerSort) ?? null };
  }
}

type SortOfToday = NonNullable<z.input<typeof Found>['next_page_sort']>[number];

function formerSort(sort: SortOfToday): Readonly<Record<string, unknown>> {
  return sort.key === 'prompt_time' ? { ...sort, key: 'journey_time' } : sort;
}
