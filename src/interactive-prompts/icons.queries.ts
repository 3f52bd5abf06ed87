import { Injectable, Logger } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { LRUCache } from 'lru-cache';
import { PictureOf } from '../../projections/interactive-prompts/profile-pictures.js';
import { ImageUid } from '../kernel/ids.js';
import { Tokens } from '../platform/auth/verification.js';

/** Somebody's latest profile picture, and the token that opens it. */
export interface Icon {
  readonly uid: ImageUid;
  readonly jwt: string;
}

/**
 * The faces beside what people do. Somebody who does many things in a row is looked up once: a new picture may be seen a few
 * seconds later here.
 */
@Injectable()
export class Icons {
  private readonly known = new LRUCache<string, { readonly icon: Icon | null }>({ max: knownMax, ttl: knownMs });
  private readonly wanted = new Set<string>();
  private learning: Promise<void> | undefined;

  constructor(
    private readonly queries: QueryBus,
    private readonly tokens: Tokens,
  ) {}

  async of(userSub: string): Promise<Icon | null> {
    const known = this.known.get(userSub);
    if (known !== undefined) return known.icon;
    const icon = (await this.ofAll([userSub])).get(userSub) ?? null;
    this.known.set(userSub, { icon });
    return icon;
  }

  /** What was last known of somebody, for whoever cannot wait. */
  knownOf(userSub: string): Icon | null {
    return this.known.get(userSub, staleIsFine)?.icon ?? null;
  }

  /**
   * Looks up whoever is not known, one lookup after the other, and is done when there is nobody left. It never fails: somebody who
   * could not be looked up is looked up the next time.
   */
  learn(userSubs: Iterable<string>): Promise<void> {
    for (const sub of userSubs) if (!this.known.has(sub) && this.wanted.size < wantedMax) this.wanted.add(sub);
    if (this.wanted.size === 0) return Promise.resolve();
    this.learning ??= this.learnWanted().finally(() => (this.learning = undefined));
    return this.learning;
  }

  private async learnWanted(): Promise<void> {
    while (this.wanted.size > 0) {
      const subs = [...this.wanted];
      this.wanted.clear();
      try {
        const icons = await this.ofAll(subs);
        for (const sub of subs) this.known.set(sub, { icon: icons.get(sub) ?? null });
      } catch (error) {
        log.warn(error);
      }
    }
  }

  /** As they are now. Whoever has none is left out. */
  async ofAll(userSubs: readonly string[]): Promise<ReadonlyMap<string, Icon>> {
    const pictures = await this.queries.execute(new PictureOf(userSubs));
    return new Map([...pictures].map(([sub, imageUid]) => [sub, this.iconOf(imageUid)]));
  }

  iconOf(imageUid: string): Icon {
    return { uid: ImageUid.parse(imageUid), jwt: this.tokens.issueKey('image', { sub: imageUid }) };
  }
}

const knownMax = 20_000;
const knownMs = 5_000;
const wantedMax = 5_000;
const staleIsFine = { allowStale: true, noDeleteOnStaleGet: true };

const log = new Logger('icons');
