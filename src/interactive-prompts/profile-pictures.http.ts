import { Body, Controller, Header, Post } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { PicturesAt } from '../../projections/interactive-prompts/profile-pictures.js';
import { ImageUid, PromptUid } from '../kernel/ids.js';
import { Caller, ChecksTokensItself, granted } from '../platform/auth/access.js';
import type { TokenRefusal, UserToken } from '../platform/auth/tokens.js';
import { Tokens } from '../platform/auth/verification.js';
import { Answers } from '../platform/http/answers.js';
import { WaitsFor } from '../platform/http/position.js';
import { Problem } from '../platform/http/problem.js';
import { Icons } from './icons.queries.js';
import { Prompts } from './interactive-prompts.bus.js';

const PicturesOf = z.object({
  uid: PromptUid,
  jwt: z.string().describe('Bare, without `bearer `'),
  prompt_time: z.number().nonnegative().describe('Rounded down to a multiple of two seconds'),
  limit: z.int().min(1).max(10),
});

const Pictures = z.object({
  items: z.array(z.object({ picture: z.object({ uid: ImageUid, jwt: z.string() }) })).readonly(),
});

/** So that everybody who watches asks for the same few moments. */
const slotSeconds = 2;

@ApiTags('interactive prompts')
@Controller('api/1/interactive_prompts')
export class ProfilePicturesHttp {
  constructor(
    private readonly queries: QueryBus,
    private readonly prompts: Prompts,
    private readonly tokens: Tokens,
    private readonly icons: Icons,
  ) {}

  @Post('profile_pictures')
  @ApiOperation({ summary: 'The faces of some of those who are in the prompt at a moment of its timeline' })
  @ChecksTokensItself('clients rely on the person’s token being judged before the prompt’s')
  @Header('cache-control', 'private, max-age=120')
  @WaitsFor('profile_pictures')
  @Answers(200, Pictures)
  async pictures(
    @Body({ schema: PicturesOf }) { uid, jwt, prompt_time, limit }: z.output<typeof PicturesOf>,
    @Caller() caller: UserToken | TokenRefusal,
  ): Promise<z.input<typeof Pictures>> {
    granted(caller);
    const key = granted(this.tokens.key('interactivePrompt', jwt));
    if (key.sub !== uid) throw new Problem(403, 'invalid', 'The token is for another prompt.');
    const prompt = await this.prompts.lastSeen(uid);
    const slot = Math.floor(prompt_time / slotSeconds) * slotSeconds;
    if (prompt.phase === 'missing' || slot > prompt.durationSeconds) {
      throw new Problem(404, 'interactive_prompt_not_found', 'There is no such prompt, or it is over by then.');
    }
    const pictures = await this.queries.execute(new PicturesAt(uid, slot));
    return {
      items: pictures.slice(0, limit).map(({ image_uid: imageUid }) => ({ picture: this.icons.iconOf(imageUid) })),
    };
  }
}
