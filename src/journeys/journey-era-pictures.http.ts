import { Body, Controller, Header, Post } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { PicturesAt } from '../../projections/interactive-prompts/profile-pictures.js';
import { ImageUid, JourneyUid } from '../kernel/ids.js';
import { Caller, ChecksTokensItself, granted } from '../platform/auth/access.js';
import type { TokenRefusal, UserToken } from '../platform/auth/tokens.js';
import { Tokens } from '../platform/auth/verification.js';
import { Answers } from '../platform/http/answers.js';
import { WaitsFor } from '../platform/http/position.js';
import { JourneyEraPrompts, journeyNotFound } from './journey-era-prompts.queries.js';

const PicturesOf = z.object({
  uid: JourneyUid,
  jwt: z.string().describe('Bare, without `bearer `'),
  journey_time: z.number().nonnegative().describe('Rounded down to a multiple of two seconds'),
  limit: z.int().min(1).max(10),
});

const Pictures = z.object({
  items: z.array(z.object({ picture: z.object({ uid: ImageUid, jwt: z.string() }) })).readonly(),
});

const slotSeconds = 2;

/** Who is in the prompt that a journey asks now, in the words of the journey era. */
@ApiTags('journeys of earlier clients')
@Controller('api/1/journeys')
export class JourneyEraPicturesHttp {
  constructor(
    private readonly journeys: JourneyEraPrompts,
    private readonly tokens: Tokens,
    private readonly queries: QueryBus,
  ) {}

  @Post('profile_pictures')
  @ApiOperation({ summary: 'The faces of some of those who are in a journey’s prompt', deprecated: true })
  @ChecksTokensItself('clients rely on the person’s token being judged before the journey’s')
  @Header('cache-control', 'private, max-age=120')
  @WaitsFor('profile_pictures')
  @Answers(200, Pictures)
  async faces(
    @Body({ schema: PicturesOf }) { uid, jwt, journey_time, limit }: z.output<typeof PicturesOf>,
    @Caller() caller: UserToken | TokenRefusal,
  ): Promise<z.input<typeof Pictures>> {
    granted(caller);
    const { promptUid, durationSeconds } = await this.journeys.opened(uid, this.tokens.key('journey', jwt));
    const slot = Math.floor(journey_time / slotSeconds) * slotSeconds;
    if (slot > durationSeconds) throw journeyNotFound();
    const pictures = await this.queries.execute(new PicturesAt(promptUid, slot));
    const items = pictures.slice(0, limit).map(({ image_uid: sub }) => ({
      picture: { uid: ImageUid.parse(sub), jwt: this.tokens.issueKey('image', { sub }) },
    }));
    return { items };
  }
}
