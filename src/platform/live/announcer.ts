import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { EventStore, type RecordedEvent } from '../event-store/event-store.js';
import { Tail } from '../event-store/tail.js';
import { FanOut } from './fan-out.js';

/** Which events are told to whoever listens on a channel, and in which words. */
export interface Announcement {
  /** The pattern that all of its channels match. */
  readonly channels: string;
  readonly of: (recorded: RecordedEvent) => Announced | undefined;
  /** Finds out what the words need beyond the event. It is waited for a moment, and must not fail. */
  readonly prepare?: (announced: readonly RecordedEvent[]) => Promise<void>;
}

export interface Announced {
  readonly channel: string;
  /** JSON with a `position`, among whatever else existing listeners expect. */
  readonly message: () => string;
}

/** Whoever listens learns of it by polling meanwhile: a message that comes later than this helps nobody. */
const prepareMsMax = 250;

/**
 * Tells other processes of what this one appended, once it is committed, and reads the log at once when another one tells of
 * something newer. Whatever gets lost on the way is found a moment later by polling.
 */
@Injectable()
export class Announcer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly announcements: Announcement[] = [];
  private stop: (() => void) | undefined;

  constructor(
    private readonly store: EventStore,
    private readonly tail: Tail,
    private readonly fanOut: FanOut,
  ) {}

  /** To be called before the program starts. */
  announce(announcement: Announcement): void {
    this.announcements.push(announcement);
    this.fanOut.listen(announcement.channels, (message) => {
      const position = positionIn(message);
      if (position !== undefined && position > this.tail.head()) this.tail.hint();
    });
  }

  onApplicationBootstrap(): void {
    if (!this.fanOut.reachesOthers) return;
    this.stop = this.store.onAppended(({ events }) => {
      for (const announcement of this.announcements) void this.tell(announcement, events);
    });
  }

  onApplicationShutdown(): void {
    this.stop?.();
  }

  private async tell({ of, prepare }: Announcement, events: readonly RecordedEvent[]): Promise<void> {
    const told = events.flatMap((recorded) => {
      const announced = of(recorded);
      return announced === undefined ? [] : [{ recorded, announced }];
    });
    if (told.length === 0) return;
    if (prepare !== undefined) await orAfter(prepareMsMax, prepare(told.map(({ recorded }) => recorded)));
    for (const { announced } of told) this.fanOut.publish(announced.channel, announced.message);
  }
}

function orAfter(waitMs: number, done: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, waitMs);
    void done.finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Found without parsing the whole: every process hears every message, and needs nothing else of it. */
function positionIn(message: string): bigint | undefined {
  const digits = /"position":"(\d{1,19})"/.exec(message)?.[1];
  return digits === undefined ? undefined : BigInt(digits);
}
