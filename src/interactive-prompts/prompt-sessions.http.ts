import { Body, Controller, Post, UseFilters } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { PromptUid } from '../kernel/ids.js';
import { User } from '../platform/auth/access.js';
import type { UserToken } from '../platform/auth/tokens.js';
import type { Cause } from '../platform/deciding/stream-command.js';
import { Answers } from '../platform/http/answers.js';
import { CausedBy } from '../platform/http/caused-by.js';
import type { Reached } from '../platform/http/position.js';
import { refusals } from '../platform/http/refusals.js';
import { ExternalPrompt } from './external-prompt.js';
import { participationRefusals } from './prompt-participation.refusals.js';
import { PromptSessions } from './prompt-sessions.commands.js';

const NewSession = z.object({
  interactive_prompt_uid: PromptUid,
  reuse_unstarted: z
    .boolean()
    .default(false)
    .describe('Answers with one’s newest session in the prompt that was not joined yet, if there is one'),
});

@ApiTags('interactive prompts')
@Controller('api/1/interactive_prompts')
@UseFilters(refusals(participationRefusals))
export class PromptSessionsHttp {
  constructor(private readonly sessions: PromptSessions) {}

  @Post('start')
  @ApiOperation({ summary: 'Opens a session of one’s own in a prompt, a new one each time unless it says otherwise' })
  @Answers(201, ExternalPrompt)
  start(
    @Body({ schema: NewSession }) body: z.output<typeof NewSession>,
    @User() { sub }: UserToken,
    @CausedBy() cause: Cause,
  ): Promise<Reached<z.input<typeof ExternalPrompt>>> {
    return this.sessions.open({
      promptUid: body.interactive_prompt_uid,
      userSub: sub,
      origin: { kind: 'direct' },
      cause,
      reuses: body.reuse_unstarted,
    });
  }
}
