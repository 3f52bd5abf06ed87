import { Body, Controller, Post, UseFilters } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { PromptUid, PublicRecordUid } from '../kernel/ids.js';
import { unixSeconds } from '../kernel/instant.js';
import { User } from '../platform/auth/access.js';
import type { UserToken } from '../platform/auth/tokens.js';
import { CommandRefused } from '../platform/deciding/refusals.js';
import type { Cause } from '../platform/deciding/stream-command.js';
import { Answers } from '../platform/http/answers.js';
import { CausedBy } from '../platform/http/caused-by.js';
import type { Reached } from '../platform/http/position.js';
import { refusals } from '../platform/http/refusals.js';
import { newUid } from '../platform/ids/uids.js';
import { ExternalPrompt } from './external-prompt.js';
import { PublicPromptCommand, PublicPrompts } from './interactive-prompts.bus.js';
import type { OpeningRefusal } from './prompt-session.js';
import { PromptSessions } from './prompt-sessions.commands.js';
import { PublicIdentifier } from './public-prompt.js';

const StartPublic = z.object({ identifier: z.string().max(255) });

const tryAgain = { status: 503, retryAfterSeconds: 15 } as const;
const failedToRead = {
  ...tryAgain,
  type: 'failed_to_read_prompt',
  message: 'The prompt is not there just now. Try again.',
};

@ApiTags('interactive prompts')
@Controller('api/1/interactive_prompts')
@UseFilters(
  refusals<OpeningRefusal | 'session_failed_to_start' | 'user_not_found'>({
    session_failed_to_start: {
      ...tryAgain,
      type: 'session_failed_to_start',
      message: 'There is no public prompt of that name, or it cannot be started just now.',
    },
    user_not_found: { ...tryAgain, type: 'user_not_found', message: 'There is no such account any more.' },
    already_exists: failedToRead,
    not_found: failedToRead,
  }),
)
export class PublicPromptsHttp {
  constructor(
    private readonly commands: CommandBus,
    private readonly publicPrompts: PublicPrompts,
    private readonly sessions: PromptSessions,
  ) {}

  @Post('start_public')
  @ApiOperation({
    summary: 'Opens a session in the current instance of a public prompt',
    description:
      'The first one who comes after an instance has expired, or has newer settings, starts the next instance.',
  })
  @Answers(201, ExternalPrompt)
  async start(
    @Body({ schema: StartPublic }) { identifier }: z.output<typeof StartPublic>,
    @User() { sub: userSub }: UserToken,
    @CausedBy() cause: Cause,
  ): Promise<Reached<z.input<typeof ExternalPrompt>>> {
    const promptUid = await this.instanceOf(identifier, cause);
    return this.sessions.open({ promptUid, userSub, origin: { kind: 'public', identifier }, cause });
  }

  /** What a client may ask for twice is the session. Whether a new instance is due answers itself the second time. */
  private async instanceOf(identifier: string, { commandId: _, fingerprint: __, ...cause }: Cause): Promise<PromptUid> {
    if (!PublicIdentifier.safeParse(identifier).success) throw failedToStart();
    const wish = {
      type: 'RotateInstance',
      promptUid: newUid('ip', PromptUid),
      recordUid: newUid('pip', PublicRecordUid),
      at: unixSeconds(new Date()),
    } as const;
    await this.commands.execute(new PublicPromptCommand(identifier, wish, cause));
    const { instance } = await this.definition(identifier);
    if (instance.phase === 'none') throw failedToStart();
    return instance.promptUid;
  }

  private async definition(identifier: string) {
    const publicPrompt = await this.publicPrompts.current(identifier);
    if (publicPrompt.phase === 'undefined') throw failedToStart();
    return publicPrompt;
  }
}

function failedToStart(): CommandRefused {
  return new CommandRefused('publicPrompt', 'RotateInstance', 'session_failed_to_start');
}
