import { Body, Controller, Delete, Param, Post, UseFilters } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { PromptUid } from '../kernel/ids.js';
import { dateOf, unixSeconds } from '../kernel/instant.js';
import { Admin } from '../platform/auth/access.js';
import { Tokens } from '../platform/auth/verification.js';
import { happened } from '../platform/deciding/happened.js';
import type { Cause } from '../platform/deciding/stream-command.js';
import { Answers } from '../platform/http/answers.js';
import { CausedBy } from '../platform/http/caused-by.js';
import { reached, type Reached } from '../platform/http/position.js';
import { refusals } from '../platform/http/refusals.js';
import { newUid } from '../platform/ids/uids.js';
import { PromptCommand } from './interactive-prompts.bus.js';
import { DurationSeconds, PromptContent } from './prompt-content.js';
import { promptEvents, type PromptRefusal } from './prompt.js';

const NewPrompt = z.object({ prompt: PromptContent, duration_seconds: DurationSeconds });

const CreatedPrompt = z.object({
  uid: PromptUid,
  jwt: z.string().describe('Opens the prompt’s statistics, and takes part together with a session'),
  prompt: PromptContent,
  duration_seconds: DurationSeconds,
  created_at: z.number().describe('Unix seconds'),
});

@ApiTags('interactive prompts')
@Controller('api/1/admin/interactive_prompts')
@Admin()
@UseFilters(
  refusals<PromptRefusal>({
    already_exists: { status: 409, type: 'already_exists', message: 'There is such a prompt already.' },
    another_question: {
      status: 409,
      type: 'another_question',
      message: 'Answers to the prompt would not be answers to that.',
    },
    not_found: { status: 404, type: 'not_found', message: 'There is no such prompt.' },
  }),
)
export class PromptAdministrationHttp {
  constructor(
    private readonly commands: CommandBus,
    private readonly tokens: Tokens,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Creates a prompt' })
  @Answers(201, CreatedPrompt)
  async create(
    @Body({ schema: NewPrompt }) body: z.output<typeof NewPrompt>,
    @CausedBy() cause: Cause,
  ): Promise<Reached<z.input<typeof CreatedPrompt>>> {
    const promptUid = newUid('ip', PromptUid);
    const { prompt: content, duration_seconds: durationSeconds } = body;
    const wish = { type: 'CreatePrompt', promptUid, content, durationSeconds, at: unixSeconds(new Date()) } as const;
    const decided = await this.commands.execute(new PromptCommand(promptUid, wish, cause));
    const created = happened(decided, 'PromptCreated', promptEvents);
    return reached(decided, {
      uid: created.promptUid,
      jwt: this.tokens.issueKey('interactivePrompt', { sub: created.promptUid, at: dateOf(created.createdAt) }),
      prompt: created.content,
      duration_seconds: created.durationSeconds,
      created_at: created.createdAt,
    });
  }

  @Delete(':uid')
  @ApiOperation({ summary: 'Deletes a prompt: nobody can start it any more, and whoever is in it may finish' })
  @Answers(204)
  async delete(
    @Param('uid', { schema: PromptUid }) uid: PromptUid,
    @CausedBy() cause: Cause,
  ): Promise<Reached<undefined>> {
    const wish = { type: 'DeletePrompt', at: unixSeconds(new Date()) } as const;
    return reached(await this.commands.execute(new PromptCommand(uid, wish, cause)));
  }
}
