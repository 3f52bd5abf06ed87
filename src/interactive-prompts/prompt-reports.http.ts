import { Controller, Get, Header, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { DailyActiveUsers, MonthlyActiveUsers, Retention } from '../../projections/interactive-prompts/active-users.js';
import { SubcategoryViews, TotalSessions } from '../../projections/interactive-prompts/join-statistics.js';
import {
  isoDateOf,
  unixDateOf,
  unixDateOfIso,
  unixMonthOf,
} from '../../projections/interactive-prompts/local-dates.js';
import { unixSeconds } from '../kernel/instant.js';
import { Admin } from '../platform/auth/access.js';
import { Answers } from '../platform/http/answers.js';
import { WaitsFor } from '../platform/http/position.js';

const Total = z.object({ value: z.int() });

const Before = z.object({
  date: z
    .string()
    .optional()
    .describe('The day after the last one shown, as YYYY-MM-DD in Los Angeles. Not a date, or not yet reached: today'),
});

const OnDay = z.object({ date: z.string(), value: z.int() });

const ViewStats = z.object({
  items: z
    .array(
      z.object({
        subcategory: z.string().describe('Its internal name when people joined'),
        total_views: z.int().describe('Sessions joined, ever, up to the last day shown'),
        total_unique_views: z.int().describe('The same, counting a person once a day'),
        recent_views: z.array(OnDay).readonly().describe('The last thirty days'),
        recent_unique_views: z.array(OnDay).readonly(),
      }),
    )
    .readonly(),
  retrieved_for: z.string(),
});

const Chart = z.object({ labels: z.array(z.string()).readonly(), values: z.array(z.int()).readonly() });

const RetentionOf = Before.extend({
  period: z
    .enum(['0day', '1day', '7day', '30day', '90day'])
    .default('7day')
    .describe('Seen again after at least this long'),
});

const RetentionChart = z.object({
  period: z.string(),
  labels: z.array(z.string()).readonly().describe('First days of people'),
  retained: z.array(z.int()).readonly(),
  unretained: z.array(z.int()).readonly(),
});

const periodDays = { '0day': 0, '1day': 1, '7day': 7, '30day': 30, '90day': 90 } as const;
const recentDays = 30;
const retentionDays = 182;
const recentMonths = 12;

@ApiTags('reports')
@Controller('api/1/admin')
@Admin()
export class PromptReportsHttp {
  constructor(private readonly queries: QueryBus) {}

  @Get('total_interactive_prompt_sessions')
  @ApiOperation({ summary: 'How many sessions were ever joined' })
  @Header('cache-control', 'private, max-age=1')
  @WaitsFor('join_statistics')
  @Answers(200, Total)
  async total(): Promise<z.input<typeof Total>> {
    return { value: await this.queries.execute(new TotalSessions()) };
  }

  @Get('journey_subcategory_view_stats')
  @ApiOperation({ summary: 'How often the prompts of journeys were joined, by subject' })
  @Header('cache-control', 'private, max-age=300')
  @WaitsFor('join_statistics')
  @Answers(200, ViewStats)
  async subcategories(@Query({ schema: Before }) query: z.output<typeof Before>): Promise<z.input<typeof ViewStats>> {
    const before = dateOf(query);
    const views = await this.queries.execute(new SubcategoryViews(before, recentDays));
    const items = views.map(({ subcategory, views, users, recent }) => ({
      subcategory,
      total_views: views,
      total_unique_views: users,
      recent_views: recent.map(({ date, views: value }) => ({ date, value })),
      recent_unique_views: recent.map(({ date, users: value }) => ({ date, value })),
    }));
    return { items, retrieved_for: isoDateOf(before) };
  }

  @Get('daily_active_users')
  @ApiOperation({ summary: 'How many people joined a session on each of thirty days' })
  @Header('cache-control', 'private, max-age=300')
  @WaitsFor('active_users')
  @Answers(200, Chart)
  async daily(@Query({ schema: Before }) query: z.output<typeof Before>): Promise<z.input<typeof Chart>> {
    const before = dateOf(query);
    return this.queries.execute(new DailyActiveUsers(before - recentDays, before));
  }

  @Get('monthly_active_users')
  @ApiOperation({ summary: 'How many people joined a session in each of twelve months, the last of them not over' })
  @Header('cache-control', 'private, max-age=300')
  @WaitsFor('active_users')
  @Answers(200, Chart)
  async monthly(): Promise<z.input<typeof Chart>> {
    const before = unixMonthOf(unixSeconds(new Date())) + 1;
    return this.queries.execute(new MonthlyActiveUsers(before - recentMonths, before));
  }

  @Get('retention')
  @ApiOperation({ summary: 'How many of those who first came on a day came again' })
  @Header('cache-control', 'private, max-age=300')
  @WaitsFor('active_users')
  @Answers(200, RetentionChart)
  async retention(
    @Query({ schema: RetentionOf }) query: z.output<typeof RetentionOf>,
  ): Promise<z.input<typeof RetentionChart>> {
    const before = dateOf(query);
    const { retained, unretained } = await this.queries.execute(
      new Retention(periodDays[query.period], before - retentionDays, before),
    );
    return {
      period: query.period,
      labels: retained.labels,
      retained: retained.values,
      unretained: unretained.values,
    };
  }
}

function dateOf({ date }: { readonly date?: string | undefined }): number {
  const today = unixDateOf(unixSeconds(new Date()));
  const asked = date === undefined ? undefined : unixDateOfIso(date);
  return asked === undefined || asked > today ? today : asked;
}
