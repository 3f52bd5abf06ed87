import { Controller, Get, Headers, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { binsOf, binWidthSecondsOf, endOfBin } from '../../projections/interactive-prompts/bins.js';
import { EventCounts } from '../../projections/interactive-prompts/event-counts.js';
import { CrowdAt } from '../../projections/interactive-prompts/prefix-sums.js';
import { PromptUid } from '../kernel/ids.js';
import { Admin, ChecksTokensItself, granted } from '../platform/auth/access.js';
import { Tokens } from '../platform/auth/verification.js';
import { Answers } from '../platform/http/answers.js';
import { WaitsFor } from '../platform/http/position.js';
import { invalidInput, Problem } from '../platform/http/problem.js';
import { Prompts } from './interactive-prompts.bus.js';
import { shapeOf } from './prompt-content.js';

const StatsOf = z.object({ uid: PromptUid, bin: z.coerce.number().int() });

const Stats = z.object({
  prompt_time: z.number().describe('When the bin begins. Its values hold at its end: see `as_of`'),
  bin_width: z.number().describe('Seconds'),
  bin: z.int(),
  as_of: z.number().describe('The prompt time up to which everything is counted'),
  users: z.int().describe('Sessions that joined and did not leave'),
  likes: z.int(),
  numeric_active: z
    .record(z.string(), z.int())
    .nullable()
    .describe('Each possible rating, also those that nobody gave; earlier systems left these out'),
  press: z.int().nullable(),
  press_active: z.int().nullable(),
  color_active: z.array(z.int()).readonly().nullable(),
  word_active: z.array(z.int()).readonly().nullable(),
});

const CountsOf = z.object({ uid: PromptUid });

const Counts = z.object({
  uid: PromptUid,
  buckets: z
    .array(z.object({ bucket: z.int(), total: z.int() }))
    .readonly()
    .describe('Seconds without events are left out'),
});

@ApiTags('interactive prompts')
@Controller('api/1/interactive_prompts/events')
export class PromptStatisticsHttp {
  constructor(
    private readonly queries: QueryBus,
    private readonly prompts: Prompts,
    private readonly tokens: Tokens,
  ) {}

  @Get('stats')
  @ApiOperation({
    summary: 'What the crowd looks like at the end of one bin of the timeline',
    description: 'The header holds the token of the prompt: `authorization: bearer <interactive prompt jwt>`.',
  })
  @ChecksTokensItself('the header holds the prompt’s token, not a person’s')
  @WaitsFor('prefix_sums')
  @Answers(200, Stats)
  async stats(
    @Query({ schema: StatsOf }) { uid, bin }: z.output<typeof StatsOf>,
    @Headers('authorization') authorization: string | undefined,
  ): Promise<z.input<typeof Stats>> {
    const key = granted(this.tokens.keyInHeader('interactivePrompt', authorization));
    if (key.sub !== uid) throw new Problem(403, 'invalid', 'The token is for another prompt.');
    const prompt = await this.prompts.lastSeen(uid);
    if (prompt.phase === 'missing') throw noSuchPrompt();
    const { content, durationSeconds } = prompt;
    if (bin < 0) throw invalidInput([{ in: 'query', path: '/bin', message: 'must not be negative' }]);
    if (bin >= binsOf(durationSeconds)) throw new Problem(404, 'bin_not_found', 'The prompt has fewer bins.');
    const crowd = await this.queries.execute(new CrowdAt(uid, bin, shapeOf(content)));
    const binWidth = binWidthSecondsOf(durationSeconds);
    return {
      prompt_time: bin * binWidth,
      bin_width: binWidth,
      bin,
      as_of: endOfBin(bin, durationSeconds),
      users: crowd.users,
      likes: crowd.likes,
      numeric_active: crowd.numericActive,
      press: crowd.press,
      press_active: crowd.pressActive,
      color_active: crowd.colorActive,
      word_active: crowd.wordActive,
    };
  }

  @Get('counts')
  @ApiOperation({ summary: 'How many events, of whatever kind, each second of a prompt has' })
  @Admin()
  @WaitsFor('event_counts')
  @Answers(200, Counts)
  async counts(@Query({ schema: CountsOf }) { uid }: z.output<typeof CountsOf>): Promise<z.input<typeof Counts>> {
    const prompt = await this.prompts.lastSeen(uid);
    if (prompt.phase === 'missing') throw noSuchPrompt();
    return { uid, buckets: await this.queries.execute(new EventCounts(uid)) };
  }
}

function noSuchPrompt(): Problem {
  return new Problem(404, 'interactive_prompt_not_found', 'There is no such prompt.');
}
