import { Controller, Get, Header, Inject, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Admin } from '../auth/access.js';
import { CONFIG, type Config } from '../config/config.js';
import { Answers } from '../http/answers.js';
import { invalidInput, Problem } from '../http/problem.js';
import { wholeNumber } from '../http/query-numbers.js';
import { momentIn, momentWords, type Moment } from './moment.js';
import { FoldTooLarge, ModelUnknown, TravelRefused } from './refused.js';
import { Row } from './rows-of.js';
import { TimeTravel, type Travel } from './time-travel.js';

const Name = z.string().min(1).max(100);

const Asked = z
  .object({
    position: z
      .string()
      .regex(/^\d{1,18}$/, 'must be a position of the log')
      .optional(),
    time: z.string().max(40).optional().describe('ISO 8601: what had been recorded by then'),
    table: z.string().max(100).optional().describe('Which of its tables; absent: the first'),
    where: z
      .union([z.string(), z.array(z.string()).max(20)])
      .default([])
      .transform((where) => (typeof where === 'string' ? [where] : where))
      .describe('`column=value`, also with != < <= > >=; several must all hold'),
    order: z.string().max(500).optional().describe('Such as `total desc,node`; absent: by key'),
    limit: wholeNumber(z.int().min(1).max(1_000)).default(100),
  })
  .refine(({ position, time }) => (position === undefined) !== (time === undefined), 'needs either position or time');

const Answer = z
  .object({
    model: z.string(),
    table: z.string(),
    position: z.int().describe('What the rows have seen'),
    total: z.int().describe('How many rows there are, in the answer or not'),
    rows: z.array(Row).readonly(),
  })
  .meta({ id: 'ReadModelAsOf' });

/** Each holds connections of its own and folds in this process, which has other requests to answer. */
const atOnceMax = 2;
const answerMsMax = 30_000;

@ApiTags('analysing')
@Controller('api/1/admin/projections')
@Admin()
export class AsOfHttp {
  private underWay = 0;

  constructor(
    private readonly time: TimeTravel,
    @Inject(CONFIG) private readonly config: Pick<Config, 'AS_OF_POSITIONS_MAX'>,
  ) {}

  @Get(':name/as_of')
  @ApiOperation({
    summary: 'Rows of a read model as they were at a position or time',
    description:
      'Folds the log up to there. Where that is more than the server allows, it answers 422 `fold_too_large`; `chorus as-of` has no such bound.',
  })
  @Header('cache-control', 'no-store')
  @Answers(200, Answer)
  async asOf(
    @Param('name', { schema: Name }) model: z.output<typeof Name>,
    @Query({ schema: Asked }) asked: z.output<typeof Asked>,
  ): Promise<z.input<typeof Answer>> {
    if (this.underWay >= atOnceMax) {
      throw new Problem(503, 'busy', 'Other questions about the past are being answered. Try again.', {
        retryAfterSeconds: 5,
      });
    }
    const moment = momentOf(asked);
    const signal = AbortSignal.timeout(answerMsMax);
    this.underWay += 1;
    try {
      return await this.time.asOf({ model, positionsMax: this.config.AS_OF_POSITIONS_MAX, signal }, moment, asked);
    } catch (error) {
      throw problemOf(error, { model, signal });
    } finally {
      this.underWay -= 1;
    }
  }
}

function momentOf({ position, time }: z.output<typeof Asked>): Moment {
  const moment = position === undefined ? momentIn(time ?? '') : { position: BigInt(position) };
  if (moment !== undefined && (position !== undefined || 'time' in moment)) return moment;
  throw invalidInput([{ in: 'query', path: '/time', message: `must be ${momentWords}` }]);
}

function problemOf(error: unknown, { model, signal }: Pick<Travel, 'model' | 'signal'>): unknown {
  const byHand = `On a machine with the program, "chorus as-of" answers without this bound.`;
  if (error instanceof ModelUnknown) return new Problem(404, 'not_found', error.message);
  if (error instanceof FoldTooLarge) {
    const { estimate, positionsMax } = error;
    const members = { estimate, positions_max: positionsMax };
    return new Problem(422, 'fold_too_large', `${error.message} ${byHand}`, { members });
  }
  if (error instanceof TravelRefused) return new Problem(422, 'cannot_be_answered', error.message);
  if (!signal.aborted) return error;
  return new Problem(422, 'fold_too_slow', `Folding ${model} up to there takes longer than a request may. ${byHand}`);
}
