import { Body, Controller, Headers, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { PromptUid } from '../kernel/ids.js';
import { ChecksTokensItself, granted } from '../platform/auth/access.js';
import { Tokens } from '../platform/auth/verification.js';
import { Answers } from '../platform/http/answers.js';
import { WaitsFor } from '../platform/http/position.js';
import { Problem } from '../platform/http/problem.js';
import { isOfPrompt, SearchRequest } from './event-search-request.js';
import { EventSearch, Found } from './event-search.queries.js';

@ApiTags('interactive prompts')
@Controller('api/1/interactive_prompts/events')
export class EventSearchHttp {
  constructor(
    private readonly events: EventSearch,
    private readonly tokens: Tokens,
  ) {}

  @Post('search')
  @ApiOperation({
    summary: 'What happened in a prompt so far',
    description: 'The header holds the token of the prompt: `authorization: bearer <interactive prompt jwt>`.',
  })
  @ChecksTokensItself('the header holds the prompt’s token, not a person’s')
  @WaitsFor('event_search', 'profile_pictures')
  @Answers(200, Found)
  async search(
    @Body({ schema: SearchRequest }) request: SearchRequest,
    @Headers('authorization') authorization: string | undefined,
  ): Promise<z.input<typeof Found>> {
    const promptUid = PromptUid.parse(granted(this.tokens.keyInHeader('interactivePrompt', authorization)).sub);
    if (!isOfPrompt(request, promptUid)) throw new Problem(403, 'invalid', 'The token is for another prompt.');
    return this.events.find(request, [promptUid]);
  }
}
