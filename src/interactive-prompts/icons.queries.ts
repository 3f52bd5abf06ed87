import { Injectable } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { LRUCache } from 'lru-cache';
import { PictureOf } from '../../projections/interactive-prompts/profile-pictures.js';
import type { UserSub } from '../kernel/ids.js';
import { Tokens } from '../platform/auth/verification.js';

export interface Icon {
  readonly uid: string;
  readonly jwt: string;
}

/** Somebody who presses quickly has one face; whoever changes it sees the new one after a moment. */
const rememberedMs = 2_000;
const rememberedMax = 10_000;

/** The face beside what somebody does, with the token that opens the image. */
@Injectable()
export class Icons {
  private readonly pictures = new LRUCache<UserSub, { readonly uid: string | undefined }>({
    max: rememberedMax,
    ttl: rememberedMs,
  });

  constructor(
    private readonly queries: QueryBus,
    private readonly tokens: Tokens,
  ) {}

  async of(userSub: UserSub): Promise<Icon | null> {
    const { uid } = this.pictures.get(userSub) ?? (await this.read(userSub));
    return uid === undefined ? null : { uid, jwt: this.tokens.issueKey('image', { sub: uid }) };
  }

  private async read(userSub: UserSub): Promise<{ readonly uid: string | undefined }> {
    const pictures = await this.queries.execute(new PictureOf([userSub]));
    const picture = { uid: pictures.get(userSub) };
    this.pictures.set(userSub, picture);
    return picture;
  }
}
