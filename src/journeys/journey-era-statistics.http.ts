import { Controller, Get, Headers, Inject, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { binsOf, binWidthSecondsOf } from '../../projections/interactive-prompts/bins.js';
import { CrowdsInMemory } from '../../projections/interactive-prompts/crowd-in-memory.js';
import { JourneyUid } from '../kernel/ids.js';
import { ChecksTokensItself } from '../platform/auth/access.js';
import { Tokens } from '../platform/auth/verification.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { Answers } from '../platform/http/answers.js';
import { AtLeast, notThereYet, reached, type Reached, WaitsItself } from '../platform/http/position.js';
import { invalidInput, Problem } from '../platform/http/problem.js';
import { wholeNumber } from '../platform/http/query-numbers.js';
import { shapeOf } from '../interactive-prompts/prompt-content.js';
import { JourneyEraPrompts } from './journey-era-prompts.queries.js';

const StatsOf = z.object({ uid: JourneyUid, bin: wholeNumber(z.int()) });

const Stats = z.object({
  journey_time: z.number().describe('When the bin begins. Its values hold at its end'),
  bin_width: z.number().describe('Seconds'),
  users: z.int(),
  likes: z.int(),
  numeric_active: z.record(z.string(), z.int()).nullable(),
  press: z.int().nullable(),
  press_active: z.int().nullable(),
  color_active: z.array(z.int()).readonly().nullable(),
  word_active: z.array(z.int()).readonly().nullable(),
});

const keyInHeader = 'The header holds the token of the journey: `authorization: bearer <journey jwt>`.';
const notAPersons = 'the header holds the journey’s token, not a person’s';

/** The crowd in the prompt that a journey asks now, in the words of the journey era. */
@ApiTags('journeys of earlier clients')
@Controller('api/1/journeys')
export class JourneyEraStatisticsHttp {
  constructor(
    private readonly journeys: JourneyEraPrompts,
    private readonly tokens: Tokens,
    private readonly crowds: CrowdsInMemory,
    @Inject(CONFIG) private readonly config: Pick<Config, 'READ_WAIT_MS_MAX'>,
  ) {}

  @Get('events/stats')
  @ApiOperation({ summary: 'The crowd in a journey’s prompt', description: keyInHeader, deprecated: true })
  @ChecksTokensItself(notAPersons)
  @WaitsItself('prefix_sums')
  @Answers(200, Stats)
  async stats(
    @Query({ schema: StatsOf }) { uid, bin }: z.output<typeof StatsOf>,
    @Headers('authorization') authorization: string | undefined,
    @AtLeast() atLeast: bigint,
  ): Promise<Reached<z.input<typeof Stats>>> {
    const prompt = await this.journeys.opened(uid, this.tokens.keyInHeader('journey', authorization));
    const { promptUid, content, durationSeconds } = prompt;
    if (bin < 0) throw invalidInput([{ in: 'query', path: '/bin', message: 'must not be negative' }]);
    if (bin >= binsOf(durationSeconds)) throw new Problem(404, 'bin_not_found', 'The prompt has fewer bins.');
    const waitMs = this.config.READ_WAIT_MS_MAX;
    // Nothing may be awaited between getting the sums and reading them: they go on changing.
    const sums = await this.crowds.of({ promptUid, durationSeconds }, { atLeast, waitMs });
    if (sums.position < atLeast) throw notThereYet(atLeast, sums.position);
    const crowd = sums.at(bin, shapeOf(content));
    const binWidth = binWidthSecondsOf(durationSeconds);
    return reached(sums, {
      journey_time: bin * binWidth,
      bin_width: binWidth,
      users: crowd.users,
      likes: crowd.likes,
      numeric_active: crowd.numericActive,
      press: crowd.press,
      press_active: crowd.pressActive,
      color_active: crowd.colorActive,
      word_active: crowd.wordActive,
    });
  }
}
