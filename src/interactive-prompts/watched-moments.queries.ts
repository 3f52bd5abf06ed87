import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { PromptUid, UserSub } from '../kernel/ids.js';
import type { RecordedEvent } from '../platform/event-store/event-store.js';
import { LiveLog, type LogFollower } from '../platform/live/log-follower.js';
import { Icons } from './icons.queries.js';
import type { PromptSessionMoment } from './prompt-session.js';
import { isErasure, isMoment, isOwnerChange, watchedTypes } from './watch-item.js';
import { momentOf } from './watch-moment.js';
import type { WatchNames } from './watch-packets.js';
import type { Moment } from './watch-room.js';

/** What somebody did, to be told in the names that a watcher knows. */
export interface WatchedMoment {
  readonly promptUid: PromptUid;
  readonly userSub: string;
  readonly told: (names: WatchNames) => Moment;
}

export interface Missed {
  /** Made one by one as they are asked for: there may be a great many. */
  readonly moments: Iterable<WatchedMoment>;
  /** The newest position that was looked at. */
  readonly upTo: number;
}

const faceMsMax = 250;

/** Server time, in seconds of a clock that only goes forward. */
export const now = (): number => performance.now() / 1_000;

/** Everything that watchers are told of, as it comes and as it was, with the faces of those who did it. */
@Injectable()
export class WatchedMoments {
  private readonly follower: LogFollower;
  private take: (moments: readonly WatchedMoment[]) => void = () => undefined;

  constructor(
    liveLog: LiveLog,
    private readonly icons: Icons,
  ) {
    this.follower = liveLog.follower({
      types: watchedTypes,
      onEvents: (events) => {
        this.take(this.asTheyCome(events));
      },
    });
  }

  /** Up to where `take` was told. */
  get at(): number {
    return Number(this.follower.at);
  }

  async follow(take: (moments: readonly WatchedMoment[]) => void): Promise<void> {
    this.take = take;
    await this.follower.start();
  }

  close(): Promise<void> {
    return this.follower.close();
  }

  async exists(position: number): Promise<boolean> {
    return position <= Number(await this.follower.head(BigInt(position)));
  }

  /** The faces that are known by the time somebody is told are shown; nobody waits for the others. */
  learnFaces(people: Iterable<string>): void {
    void this.icons.learn(people);
  }

  /** For whoever was away and can wait a little. */
  async faces(people: Iterable<string>): Promise<void> {
    await Promise.race([this.icons.learn(people), sleep(faceMsMax)]);
  }

  /**
   * What happened in a prompt between a position and now, as a search would show it: a session that changed hands since is its
   * new owner's, and those who were erased since are nobody in it.
   */
  async missed(after: number, promptUid: PromptUid): Promise<Missed> {
    const erased = new Set<string>();
    const owners = new Map<string, UserSub>();
    const { events, upTo } = await this.follower.since(BigInt(after), ({ event }) => {
      if (isErasure(event)) erased.add(event.sessionUid);
      if (isOwnerChange(event)) owners.set(event.sessionUid, event.newOwner);
      return isMoment(event) && event.promptUid === promptUid;
    });
    const asOfToday = (moment: PromptSessionMoment): PromptSessionMoment => ({
      ...moment,
      userSub: owners.get(moment.sessionUid) ?? moment.userSub,
    });
    const isErased = ({ sessionUid }: PromptSessionMoment): boolean => erased.has(sessionUid);
    return { moments: this.asTheyWere(events, { asOfToday, isErased }), upTo: Number(upTo) };
  }

  private *asTheyWere(events: readonly RecordedEvent[], { asOfToday, isErased }: Since): Iterable<WatchedMoment> {
    const ahead = now() - Date.now() / 1_000;
    for (const { event, position, recordedAt } of events) {
      if (!isMoment(event)) continue;
      const cameAt = recordedAt.getTime() / 1_000 + ahead;
      yield this.watched(asOfToday(event), { position, cameAt, erased: isErased(event) });
    }
  }

  private asTheyCome(events: readonly RecordedEvent[]): readonly WatchedMoment[] {
    const cameAt = now();
    return events.flatMap(({ event, position }) =>
      isMoment(event) ? [this.watched(event, { position, cameAt, erased: false })] : [],
    );
  }

  private watched(moment: PromptSessionMoment, came: Came): WatchedMoment {
    const { promptUid, userSub } = moment;
    const icon = () => this.icons.knownOf(userSub);
    return { promptUid, userSub, told: (names) => momentOf(moment, { ...came, names, icon }) };
  }
}

/** What became of stays after something happened in them. */
interface Since {
  readonly asOfToday: (moment: PromptSessionMoment) => PromptSessionMoment;
  readonly isErased: (moment: PromptSessionMoment) => boolean;
}

interface Came {
  readonly position: bigint;
  readonly cameAt: number;
  readonly erased: boolean;
}
