import { Injectable } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { LRUCache } from 'lru-cache';
import { PicturesInMemory } from '../../projections/interactive-prompts/pictures-in-memory.js';
import { PictureOf } from '../../projections/interactive-prompts/profile-pictures.js';
import { ImageUid } from '../kernel/ids.js';
import { Tokens } from '../platform/auth/verification.js';

/** Somebody's latest profile picture, and the token that opens it. */
export interface Icon {
  readonly uid: ImageUid;
  readonly jwt: string;
}

/** The faces beside what people do. */
@Injectable()
export class Icons {
  /** A token opens an image for much longer than it is kept here. */
  private readonly issued = new LRUCache<string, Icon>({ max: issuedMax, ttl: issuedMs });

  constructor(
    private readonly pictures: PicturesInMemory,
    private readonly queries: QueryBus,
    private readonly tokens: Tokens,
  ) {}

  /** None if it cannot be found out: whatever somebody did has happened all the same. */
  async of(userSub: string): Promise<Icon | null> {
    await this.pictures.learn([userSub]);
    return this.knownOf(userSub);
  }

  /** What was last known of somebody, for whoever cannot wait. */
  knownOf(userSub: string): Icon | null {
    const imageUid = this.pictures.knownOf(userSub);
    return imageUid === null ? null : this.iconOf(imageUid);
  }

  learn(userSubs: Iterable<string>): Promise<void> {
    return this.pictures.learn(userSubs);
  }

  /** As a read of the table has them. Whoever has none is left out. */
  async ofAll(userSubs: readonly string[]): Promise<ReadonlyMap<string, Icon>> {
    const pictures = await this.queries.execute(new PictureOf(userSubs));
    return new Map([...pictures].map(([sub, imageUid]) => [sub, this.iconOf(imageUid)]));
  }

  iconOf(imageUid: string): Icon {
    const known = this.issued.get(imageUid);
    if (known !== undefined) return known;
    const icon = { uid: ImageUid.parse(imageUid), jwt: this.tokens.issueKey('image', { sub: imageUid }) };
    this.issued.set(imageUid, icon);
    return icon;
  }
}

const issuedMax = 20_000;
const issuedMs = 60_000;
