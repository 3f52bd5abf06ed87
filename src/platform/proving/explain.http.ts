import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Header, Inject, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Admin } from '../auth/access.js';
import { Database } from '../database/database.js';
import { EventStore } from '../event-store/event-store.js';
import { Answers } from '../http/answers.js';
import { invalidInput, Problem } from '../http/problem.js';
import { wholeNumber } from '../http/query-numbers.js';
import type { Projection } from '../projecting/projection.js';
import { explain, type Explanation } from './explanation.js';
import { RefoldTooLarge } from './memory-fold.js';
import { KeyRefused, parseKey, tableNamed, type NamedTable } from './wanted-key.js';

export const EXPLAINED = Symbol('Explained projections');

const Asked = z.object({
  table: z.string().min(1).max(100).describe('Such as `event_counts`'),
  key: z
    .union([z.string().max(2_000), z.array(z.string().max(2_000)).max(20)])
    .transform((key) => (typeof key === 'string' ? [key] : key))
    .describe('`column=value`, once for each column of the key; or only the values, in the order of the key'),
  limit: wholeNumber(z.int().min(1).max(1_000)).default(20).describe('How many events are named'),
});

const Value = z.json();
const Values = z.record(z.string(), Value);

const Answer = z
  .object({
    projection: z.string(),
    table: z.string(),
    key: Values,
    position: z.int().describe('What the row has seen'),
    version: z.int().describe('Of the build that is read'),
    row: Values.nullable().describe('As readers see it; null when there is none'),
    folded: Values.nullable().describe('What the events make of it'),
    agrees: z.boolean().describe('Whether these are the same'),
    events_total: z.int().describe('How many events touched the row'),
    events: z
      .array(
        z.object({
          position: z.int(),
          recorded_at: z.string(),
          type: z.string(),
          stream: z.string(),
          version: z.int(),
          id: z.string(),
          effect: z.enum(['created', 'changed', 'removed', 'left as it was']),
          columns: z.record(z.string(), z.object({ before: Value, after: Value, by: z.number().optional() })),
        }),
      )
      .describe('The newest, newest first'),
  })
  .meta({ id: 'RowExplanation' });

/** It reads the log from its beginning, in a process that has other requests to answer. */
const atOnceMax = 1;
const answerMsMax = 30_000;

@ApiTags('operating')
@Controller('api/1/admin/projections')
@Admin()
export class ExplainHttp {
  private underWay = 0;

  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    @Inject(EXPLAINED) private readonly projections: readonly Projection[],
  ) {}

  @Get('explain')
  @ApiOperation({
    summary: 'Why a row of a read model is what it is: the events that made it',
    description:
      'Folds the log again up to the read model. Where that takes longer than a request may, it answers 422 `fold_too_slow`; `chorus projections explain` has no such bound.',
  })
  @Header('cache-control', 'no-store')
  @Answers(200, Answer)
  async explain(
    @Query({ schema: Asked }) { table, key, limit }: z.output<typeof Asked>,
  ): Promise<z.input<typeof Answer>> {
    const named = this.named(table, key);
    if (this.underWay >= atOnceMax) {
      throw new Problem(503, 'busy', 'Another row is being explained. Try again.', { retryAfterSeconds: 5 });
    }
    const signal = AbortSignal.timeout(answerMsMax);
    this.underWay += 1;
    try {
      return answerOf(await explain({ ...named, ...this.parts(), limit, signal }), named);
    } catch (error) {
      throw problemOf(error, signal);
    } finally {
      this.underWay -= 1;
    }
  }

  private parts() {
    // Requests are answered between the pages of the log.
    return { database: this.database, store: this.store, rest: () => sleep(1) };
  }

  private named(table: string, given: readonly string[]): NamedTable & Pick<Explanation, 'key'> {
    const found = refusedAs('/table', () => tableNamed(this.projections, table));
    return { ...found, key: refusedAs('/key', () => parseKey(found.table, given)) };
  }
}

function refusedAs<Result>(path: string, parse: () => Result): Result {
  try {
    return parse();
  } catch (error) {
    throw error instanceof KeyRefused ? invalidInput([{ in: 'query', path, message: error.message }]) : error;
  }
}

function answerOf(explanation: Explanation | undefined, { projection }: NamedTable): z.input<typeof Answer> {
  if (explanation !== undefined) return Answer.parse(explanation);
  throw new Problem(404, 'not_found', `${projection.name} has not been built yet.`);
}

function problemOf(error: unknown, signal: AbortSignal): unknown {
  const byHand = 'On a machine with the program, "chorus projections explain" answers without this bound.';
  if (error instanceof RefoldTooLarge) return new Problem(422, 'fold_too_large', error.message);
  if (!signal.aborted) return error;
  return new Problem(422, 'fold_too_slow', `Folding the log up to there takes longer than a request may. ${byHand}`);
}
