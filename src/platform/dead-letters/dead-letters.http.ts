import { Body, Controller, Get, Header, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Admin, User } from '../auth/access.js';
import type { UserToken } from '../auth/tokens.js';
import { Answers } from '../http/answers.js';
import { Problem } from '../http/problem.js';
import { LetterState, type LetterOutcome } from '../projecting/dead-letters.js';
import { DeadLetterOffice } from './dead-letter-office.js';

const Letter = z
  .object({
    id: z.string(),
    of: z.enum(['projection', 'process']),
    name: z.string().describe('Of the projection or the process that could not take the event'),
    state: LetterState,
    position: z.int(),
    event_id: z.string(),
    stream: z.string(),
    key: z.string().describe('Later events with the same key wait'),
    type: z.string(),
    error: z.string().nullable(),
    message: z.string().nullable().describe('Without what a person wrote'),
    attempts: z.int(),
    behind: z.int().describe('Events that wait until this one is done'),
    first_at: z.string().nullable(),
    last_at: z.string().nullable(),
    skipped: z.object({ by: z.string(), reason: z.string(), at: z.string() }).nullable(),
  })
  .meta({ id: 'DeadLetter' });

const Letters = z.object({
  items: z.array(Letter).readonly().describe('At most a thousand each of projections and processes'),
});

const Wanted = z.object({
  name: z.string().min(1).max(200).optional().describe('Only of this projection or process'),
  state: LetterState.optional().describe('Only in this state; otherwise all that are not done with'),
});

const LetterId = z.string().regex(/^(.{1,200}:)?\d{1,18}$/, 'must be the id of a dead letter');

const Skip = z.strictObject({
  reason: z.string().trim().min(1).max(1_000).describe('Why the event may be done without; kept with it'),
});

const Outcome = z.object({
  outcome: z.enum(['resolved', 'skipped', 'failed-again', 'not-yet-tried']),
});

/** Longer than a worker takes to look for requests. */
const waitMs = 5_000;

@ApiTags('operating')
@Controller('api/1/admin/dead_letters')
@Admin()
export class DeadLettersHttp {
  constructor(private readonly office: DeadLetterOffice) {}

  @Get()
  @ApiOperation({ summary: 'Events that a projection or a process could not take' })
  @Header('cache-control', 'no-store')
  @Answers(200, Letters)
  async list(@Query({ schema: Wanted }) wanted: z.output<typeof Wanted>): Promise<z.input<typeof Letters>> {
    return { items: await this.office.list(wanted) };
  }

  @Get(':id')
  @ApiOperation({ summary: 'One of them' })
  @Header('cache-control', 'no-store')
  @Answers(200, Letter)
  async show(@Param('id', { schema: LetterId }) id: string): Promise<z.input<typeof Letter>> {
    const letter = await this.office.find(id);
    if (letter === undefined) throw unknown;
    return letter;
  }

  @Post(':id/retry')
  @ApiOperation({
    summary: 'Tries to apply it again, then what waits behind it',
    description:
      'Status 202 and `not-yet-tried` when no worker has come to it within five seconds; it will when one runs.',
  })
  @Answers(200, Outcome)
  async retry(
    @Param('id', { schema: LetterId }) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof Outcome>> {
    return told(await this.office.retry(id, waitMs), reply);
  }

  @Post(':id/skip')
  @ApiOperation({
    summary: 'Goes on without it for good, then tries what waits behind it',
    description: 'Who decided it and why is kept. Status 202 when no worker has come to it within five seconds.',
  })
  @Answers(200, Outcome)
  async skip(
    @Param('id', { schema: LetterId }) id: string,
    @Body({ schema: Skip }) { reason }: z.output<typeof Skip>,
    @User() { sub: by }: UserToken,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof Outcome>> {
    return told(await this.office.skip(id, { by, reason }, waitMs), reply);
  }
}

const unknown = new Problem(404, 'not_found', 'There is no such dead letter.');

function told(outcome: LetterOutcome, reply: FastifyReply): z.input<typeof Outcome> {
  if (outcome === 'unknown') throw unknown;
  if (outcome === 'waits-behind-another') {
    throw new Problem(409, 'waits_behind_another', 'It waits behind an earlier event: decide about that one first.');
  }
  if (outcome === 'not-yet-tried') void reply.code(202);
  return { outcome };
}
