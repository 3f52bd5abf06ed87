import { Controller, Get, Headers, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { binsOf, binWidthSecondsOf, endOfBin } from '../../projections/interactive-prompts/bins.js';
import type { Crowd } from '../../projections/interactive-prompts/crowd.js';
import { EventCounts } from '../../projections/interactive-prompts/event-counts.js';
import { PromptUid } from '../kernel/ids.js';
import { Admin, ChecksTokensItself, granted } from '../platform/auth/access.js';
import { Tokens } from '../platform/auth/verification.js';
import { Answers } from '../platform/http/answers.js';
import { AtLeast, reached, type Reached, WaitsFor, WaitsItself } from '../platform/http/position.js';
import { invalidInput, Problem } from '../platform/http/problem.js';
import { position, wholeNumber } from '../platform/http/query-numbers.js';
import { Crowds } from './crowds.queries.js';
import { Prompts } from './interactive-prompts.bus.js';
import { shapeOf } from './prompt-content.js';
import type { Prompt } from './prompt.js';

const AsOf = position
  .optional()
  .describe('Show the crowd as it was when the log had come this far. Reads every session of the prompt: slow');

const StatsOf = z.object({ uid: PromptUid, bin: wholeNumber(z.int()), as_of_position: AsOf });

const Stats = z.object({
  prompt_time: z.number().describe('When the bin begins. Its values hold at its end: see `as_of`'),
  bin_width: z.number().describe('Seconds'),
  bin: z.int(),
  as_of: z.number().describe('The prompt time up to which everything is counted'),
  users: z.int().describe('Sessions that joined and did not leave'),
  people: z.int().describe('Persons among them: whoever has two sessions there at a time counts once'),
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

const binsPerAnswerMax = 4_096;
const Bin = wholeNumber(z.int().nonnegative());

const RangeOf = z.object({
  uid: PromptUid,
  from: Bin.default(0).describe('The first bin; 0 if absent'),
  to: Bin.optional().describe(`The last bin, at most ${String(binsPerAnswerMax)} in all; the prompt’s last if absent`),
  as_of_position: AsOf,
});

const perBin = <Value extends z.ZodType>(value: Value) => z.array(value).readonly();

const StatsRange = z.object({
  bin_width: z.number().describe('Seconds'),
  bins: z.int().describe('How many the prompt has'),
  from: z.int(),
  to: z.int(),
  prompt_time: perBin(z.number()).describe('When each bin begins. This and every list below has one entry per bin'),
  users: perBin(z.int()),
  people: perBin(z.int()),
  likes: perBin(z.int()),
  numeric_active: perBin(z.record(z.string(), z.int())).nullable(),
  press: perBin(z.int()).nullable(),
  press_active: perBin(z.int()).nullable(),
  color_active: perBin(z.array(z.int()).readonly()).nullable(),
  word_active: perBin(z.array(z.int()).readonly()).nullable(),
});

const CountsOf = z.object({ uid: PromptUid });

const Counts = z.object({
  uid: PromptUid,
  buckets: z
    .array(z.object({ bucket: z.int(), total: z.int() }))
    .readonly()
    .describe('Seconds without events are left out'),
});

type KnownPrompt = Exclude<Prompt, { readonly phase: 'missing' }>;

const keyInHeader = 'The header holds the token of the prompt: `authorization: bearer <interactive prompt jwt>`.';
const notAPersons = 'the header holds the prompt’s token, not a person’s';

@ApiTags('interactive prompts')
@Controller('api/1/interactive_prompts/events')
export class PromptStatisticsHttp {
  constructor(
    private readonly queries: QueryBus,
    private readonly prompts: Prompts,
    private readonly tokens: Tokens,
    private readonly crowds: Crowds,
  ) {}

  @Get('stats')
  @ApiOperation({
    summary: 'What the crowd looks like at the end of one bin of the timeline',
    description: keyInHeader,
  })
  @ChecksTokensItself(notAPersons)
  @WaitsItself('prefix_sums')
  @Answers(200, Stats)
  async stats(
    @Query({ schema: StatsOf }) { uid, bin, as_of_position: asOf }: z.output<typeof StatsOf>,
    @Headers('authorization') authorization: string | undefined,
    @AtLeast() atLeast: bigint,
  ): Promise<Reached<z.input<typeof Stats>>> {
    const prompt = await this.promptOf(uid, authorization);
    const { content, durationSeconds } = prompt;
    if (bin < 0) throw invalidInput([{ in: 'query', path: '/bin', message: 'must not be negative' }]);
    if (bin >= binsOf(durationSeconds)) throw binNotFound();
    const sums = await this.crowds.of(prompt, { asOf, atLeast });
    const binWidth = binWidthSecondsOf(durationSeconds);
    return reached(sums, {
      prompt_time: bin * binWidth,
      bin_width: binWidth,
      bin,
      as_of: endOfBin(bin, durationSeconds),
      ...named(sums.at(bin, shapeOf(content))),
    });
  }

  @Get('stats/range')
  @ApiOperation({
    summary: 'What the crowd looks like at the end of each of several bins, or of all',
    description: keyInHeader,
  })
  @ChecksTokensItself(notAPersons)
  @WaitsItself('prefix_sums')
  @Answers(200, StatsRange)
  async range(
    @Query({ schema: RangeOf }) { uid, from, to: last, as_of_position: asOf }: z.output<typeof RangeOf>,
    @Headers('authorization') authorization: string | undefined,
    @AtLeast() atLeast: bigint,
  ): Promise<Reached<z.input<typeof StatsRange>>> {
    const prompt = await this.promptOf(uid, authorization);
    const bins = binsOf(prompt.durationSeconds);
    const to = last ?? bins - 1;
    if (from >= bins || to >= bins) throw binNotFound();
    if (to < from) throw invalidInput([{ in: 'query', path: '/to', message: 'must not be before from' }]);
    if (to - from >= binsPerAnswerMax) {
      const message = `must be less than ${String(binsPerAnswerMax)} bins after from`;
      throw invalidInput([{ in: 'query', path: '/to', message }]);
    }
    const sums = await this.crowds.of(prompt, { asOf, atLeast });
    const shape = shapeOf(prompt.content);
    const binWidth = binWidthSecondsOf(prompt.durationSeconds);
    const wanted = Array.from({ length: to - from + 1 }, (_, nth) => from + nth);
    const crowds = wanted.map((bin) => sums.at(bin, shape));
    const ofAll = <Value>(of: (crowd: Crowd) => Value | null): Value[] | null => {
      const values = crowds.map(of).filter((value) => value !== null);
      return values.length === crowds.length ? values : null;
    };
    return reached(sums, {
      bin_width: binWidth,
      bins,
      from,
      to,
      prompt_time: wanted.map((bin) => bin * binWidth),
      users: crowds.map(({ users }) => users),
      people: crowds.map(({ people }) => people),
      likes: crowds.map(({ likes }) => likes),
      numeric_active: ofAll(({ numericActive }) => numericActive),
      press: ofAll(({ press }) => press),
      press_active: ofAll(({ pressActive }) => pressActive),
      color_active: ofAll(({ colorActive }) => colorActive),
      word_active: ofAll(({ wordActive }) => wordActive),
    });
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

  /** The order of these checks is part of the contract. */
  private async promptOf(uid: PromptUid, authorization: string | undefined): Promise<KnownPrompt> {
    const key = granted(this.tokens.keyInHeader('interactivePrompt', authorization));
    if (key.sub !== uid) throw new Problem(403, 'invalid', 'The token is for another prompt.');
    const prompt = await this.prompts.lastSeen(uid);
    if (prompt.phase === 'missing') throw noSuchPrompt();
    return prompt;
  }
}

function named(crowd: Crowd) {
  return {
    users: crowd.users,
    people: crowd.people,
    likes: crowd.likes,
    numeric_active: crowd.numericActive,
    press: crowd.press,
    press_active: crowd.pressActive,
    color_active: crowd.colorActive,
    word_active: crowd.wordActive,
  };
}

function binNotFound(): Problem {
  return new Problem(404, 'bin_not_found', 'The prompt has fewer bins.');
}

function noSuchPrompt(): Problem {
  return new Problem(404, 'interactive_prompt_not_found', 'There is no such prompt.');
}
