import { Controller, Get, Param, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { InstancesOf } from '../../projections/interactive-prompts/public-instances.js';
import { SessionPage } from '../../projections/interactive-prompts/sessions.js';
import { PromptSessionUid, PromptUid, PublicRecordUid, UserSub } from '../kernel/ids.js';
import { Admin } from '../platform/auth/access.js';
import { Answers } from '../platform/http/answers.js';
import { WaitsFor } from '../platform/http/position.js';
import { position, wholeNumber } from '../platform/http/query-numbers.js';
import { PublicIdentifier } from './public-prompt.js';

const Page = z.object({
  before: position.optional().describe('The `next` of the page before'),
  limit: wholeNumber(z.int().min(1).max(1_000)).default(100).describe('At most this many; 100 if absent'),
});
const next = z.string().nullable().describe('Null when there may be no more');

const State = z.enum(['opened', 'joined', 'left', 'expired']);
const Origin = z.enum(['direct', 'journey', 'public']);
const Reason = z.enum(['first', 'expired', 'new_version']);

const SessionsOf = Page.extend({
  interactive_prompt_uid: PromptUid.optional(),
  user_sub: UserSub.optional().describe('Whose the session is now'),
  state: State.optional(),
});

const Sessions = z.object({
  items: z
    .array(
      z.object({
        uid: PromptSessionUid,
        interactive_prompt_uid: PromptUid,
        user_sub: UserSub.nullable().describe('Null for somebody who was forgotten'),
        state: State,
        origin: Origin,
        origin_name: z.string().nullable().describe('The uid of the journey, or the identifier of the public prompt'),
        opened_at: z.number().describe('Unix seconds'),
        joined_at: z.number().nullable(),
        left_at: z.number().nullable(),
        left_prompt_time: z.number().nullable().describe('Seconds since this person entered the prompt'),
      }),
    )
    .readonly(),
  next,
});

const Instances = z.object({
  items: z
    .array(
      z.object({
        uid: PublicRecordUid,
        interactive_prompt_uid: PromptUid,
        version: z.int(),
        started_at: z.number().describe('Unix seconds'),
        expires_at: z.number(),
        reason: Reason.describe('Why it took the place of the one before'),
      }),
    )
    .readonly(),
  next,
});

@ApiTags('interactive prompts')
@Controller('api/1/admin')
@Admin()
export class PromptRecordsHttp {
  constructor(private readonly queries: QueryBus) {}

  @Get('interactive_prompt_sessions')
  @ApiOperation({ summary: 'Sessions, newest first: of a prompt, of a person, or all' })
  @WaitsFor('prompt_sessions')
  @Answers(200, Sessions)
  async sessions(
    @Query({ schema: SessionsOf }) wanted: z.output<typeof SessionsOf>,
  ): Promise<z.input<typeof Sessions>> {
    const { interactive_prompt_uid: promptUid, user_sub: userSub, state, limit } = wanted;
    const before = numberOf(wanted.before);
    const found = await this.queries.execute(new SessionPage({ promptUid, userSub, state, before, limit }));
    const items = found.map(({ session_uid, prompt_uid, opened_position: _, user_sub, ...session }) => ({
      ...session,
      uid: PromptSessionUid.parse(session_uid),
      interactive_prompt_uid: PromptUid.parse(prompt_uid),
      user_sub: UserSub.nullable().parse(user_sub),
      state: State.parse(session.state),
      origin: Origin.parse(session.origin),
    }));
    return { items, next: nextOf(found.at(-1)?.opened_position, found.length, limit) };
  }

  @Get('public_interactive_prompts/:identifier/instances')
  @ApiOperation({ summary: 'The prompts that stood behind a public identifier, newest first' })
  @WaitsFor('public_instances')
  @Answers(200, Instances)
  async instances(
    @Param('identifier', { schema: PublicIdentifier }) identifier: string,
    @Query({ schema: Page }) { before, limit }: z.output<typeof Page>,
  ): Promise<z.input<typeof Instances>> {
    const found = await this.queries.execute(new InstancesOf(identifier, { before: numberOf(before), limit }));
    const items = found.map(({ record_uid, prompt_uid, started_position: _, ...instance }) => ({
      ...instance,
      uid: PublicRecordUid.parse(record_uid),
      interactive_prompt_uid: PromptUid.parse(prompt_uid),
      reason: Reason.parse(instance.reason),
    }));
    return { items, next: nextOf(found.at(-1)?.started_position, found.length, limit) };
  }
}

function numberOf(position: bigint | undefined): number | undefined {
  return position === undefined ? undefined : Number(position);
}

function nextOf(position: number | undefined, found: number, limit: number): string | null {
  return position === undefined || found < limit ? null : String(position);
}
