import { Body, Controller, Param, Put, UseFilters } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { unixSeconds } from '../kernel/instant.js';
import { Admin } from '../platform/auth/access.js';
import type { Cause } from '../platform/deciding/stream-command.js';
import { Answers } from '../platform/http/answers.js';
import { CausedBy } from '../platform/http/caused-by.js';
import { reached, type Reached } from '../platform/http/position.js';
import { refusals } from '../platform/http/refusals.js';
import { PublicPromptCommand } from './interactive-prompts.bus.js';
import { DurationSeconds, PromptContent } from './prompt-content.js';
import type { PromptRefusal } from './prompt.js';
import { ExpiresSeconds, PublicIdentifier, type PublicPromptRefusal, PublicVersion } from './public-prompt.js';

const Definition = z.object({
  version: PublicVersion.describe('Higher than the one in use, if anything else changes'),
  prompt: PromptContent,
  duration_seconds: DurationSeconds,
  expires_seconds: ExpiresSeconds.describe('How long an instance is used before the next one'),
});

const Defined = Definition.extend({ identifier: PublicIdentifier });

const clash = { status: 409, type: 'already_exists', message: 'Something of that name exists already.' };

@ApiTags('interactive prompts')
@Controller('api/1/admin/public_interactive_prompts')
@Admin()
@UseFilters(
  refusals<PublicPromptRefusal | PromptRefusal>({
    version_too_low: {
      status: 409,
      type: 'version_too_low',
      message: 'Other settings need a higher version than the one in use.',
    },
    session_failed_to_start: { status: 404, type: 'not_found', message: 'There is no such public prompt.' },
    already_exists: clash,
    another_question: clash,
    not_found: { status: 404, type: 'not_found', message: 'There is no such prompt.' },
  }),
)
export class PublicPromptAdministrationHttp {
  constructor(private readonly commands: CommandBus) {}

  @Put(':identifier')
  @ApiOperation({
    summary: 'Defines a public prompt, or gives it other settings under a higher version',
    description: 'Whoever starts it next gets a new instance; whoever is in the current one finishes it.',
  })
  @Answers(200, Defined)
  async define(
    @Param('identifier', { schema: PublicIdentifier }) identifier: string,
    @Body({ schema: Definition }) body: z.output<typeof Definition>,
    @CausedBy() cause: Cause,
  ): Promise<Reached<z.input<typeof Defined>>> {
    const { version, prompt: content, duration_seconds: durationSeconds, expires_seconds: expiresSeconds } = body;
    const settings = { identifier, version, content, durationSeconds, expiresSeconds };
    const wish = { type: 'DefinePublicPrompt', ...settings, at: unixSeconds(new Date()) } as const;
    const decided = await this.commands.execute(new PublicPromptCommand(identifier, wish, cause));
    return reached(decided, { identifier, ...body });
  }
}
