import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { PersonEvent } from '../../src/people/person.js';
import { EventStore, type DomainEvent } from '../../src/platform/event-store/event-store.js';
import { followLog } from '../../src/platform/event-store/follow-log.js';
import { Tail } from '../../src/platform/event-store/tail.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { PictureOf, PictureOfHandler } from './profile-pictures.js';

/**
 * The pictures of people who do something just now, so that whoever tells of it waits for nothing.
 *
 * Of each person it holds the picture, or that there is none, from one of two places: *looked up* in the table, which may be
 * behind, so that is believed for a moment only; or *seen* in the log when it changed, which is never behind what this process
 * tells of, and which no look-up overwrites.
 */
@Injectable()
export class PicturesInMemory implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly known = new LRUCache<string, Known>({ max: knownMax });
  private readonly wanted = new Set<string>();
  private readonly closing = new AbortController();
  private readonly table: PictureOfHandler;
  private learning: Promise<void> | undefined;
  private following: Promise<void> | undefined;

  constructor(
    private readonly store: EventStore,
    private readonly tail: Tail,
    readModels: ReadModels,
  ) {
    this.table = new PictureOfHandler(readModels);
  }

  async onApplicationBootstrap(): Promise<void> {
    const order = { after: await this.store.head(), filter, signal: this.closing.signal };
    this.following = followLog(this.tail, order, {
      take: ({ events }) => {
        for (const { event } of events) this.see(event);
      },
    });
  }

  async onApplicationShutdown(): Promise<void> {
    this.closing.abort();
    await this.following;
  }

  /** What was last known of somebody, for whoever cannot wait. */
  knownOf(userSub: string): string | null {
    return this.known.get(userSub, staleIsFine)?.imageUid ?? null;
  }

  /**
   * Looks up whoever is not known, one look-up after the other, and is done when there is nobody left. It never fails: somebody
   * who could not be looked up is looked up the next time.
   */
  learn(userSubs: Iterable<string>): Promise<void> {
    for (const sub of userSubs) if (!this.known.has(sub) && this.wanted.size < wantedMax) this.wanted.add(sub);
    if (this.wanted.size === 0) return Promise.resolve();
    this.learning ??= this.lookUpWanted().finally(() => (this.learning = undefined));
    return this.learning;
  }

  private async lookUpWanted(): Promise<void> {
    while (this.wanted.size > 0) {
      const subs = [...this.wanted];
      this.wanted.clear();
      try {
        const pictures = await this.table.execute(new PictureOf(subs));
        for (const sub of subs) this.believe(sub, pictures.get(sub) ?? null);
      } catch (error) {
        log.warn(error);
      }
    }
  }

  private believe(userSub: string, imageUid: string | null): void {
    if (this.known.get(userSub)?.from === 'log') return;
    this.known.set(userSub, { imageUid, from: 'table' }, { ttl: imageUid === null ? absentMs : believedMs });
  }

  private see(happened: DomainEvent): void {
    if (!isOfPictures(happened)) return;
    const imageUid = happened.type === 'PictureChanged' ? happened.imageUid : null;
    this.known.set(happened.userSub, { imageUid, from: 'log' });
  }
}

interface Known {
  readonly imageUid: string | null;
  readonly from: 'table' | 'log';
}

type OfPictures = Extract<PersonEvent, { readonly type: 'PictureChanged' | 'PersonErased' }>;

const filter = { types: ['PictureChanged', 'PersonErased'] } as const;

function isOfPictures(happened: DomainEvent): happened is OfPictures {
  return happened.type === 'PictureChanged' || happened.type === 'PersonErased';
}

const knownMax = 20_000;
const believedMs = 5_000;
/** The table may not have a first picture yet that was set before this process looked at the log. */
const absentMs = 500;
const wantedMax = 5_000;
const staleIsFine = { allowStale: true, noDeleteOnStaleGet: true };

const log = new Logger('pictures');
