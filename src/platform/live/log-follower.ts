import { setImmediate as breathe } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { EventStore, type RecordedEvent } from '../event-store/event-store.js';
import { followLog } from '../event-store/follow-log.js';
import { Tail } from '../event-store/tail.js';
import { LOG, type Log } from '../telemetry/log.js';

export interface FollowerOptions {
  readonly types: readonly string[];
  readonly onEvents: (events: readonly RecordedEvent[]) => void;
}

/** Some ten milliseconds' work. */
const pageEventsMax = 1_000;

/**
 * The new events of some types, in order and each once, as this process comes to know them; and what happened between an
 * earlier position and now, for whoever was away. `at` moves together with the events, so that whoever looks at both between
 * two calls misses nothing.
 */
export class LogFollower {
  private position = 0n;
  private readonly closing = new AbortController();
  private following: Promise<void> | undefined;

  constructor(
    private readonly tail: Tail,
    private readonly store: EventStore,
    private readonly log: Log,
    private readonly options: FollowerOptions,
  ) {}

  get at(): bigint {
    return this.position;
  }

  /** Resolves once it follows. */
  async start(): Promise<void> {
    this.position = await this.store.head();
    const { types, onEvents } = this.options;
    const order = { after: this.position, filter: { types }, signal: this.closing.signal };
    this.following = followLog(this.tail, order, {
      take: ({ events, upTo }) => {
        this.position = upTo;
        if (events.length > 0) onEvents(events);
      },
      onTrouble: (err) => {
        this.log.warn({ err }, 'following the log for watchers failed');
      },
    });
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.following;
  }

  /** The newest position there is; asked of the log only when this process doesn't know of one as new as that. */
  async head(atLeast: bigint): Promise<bigint> {
    const known = this.tail.head();
    return known >= atLeast ? known : this.store.head();
  }

  /** What was wanted of everything after a position, up to where this follower is when it is done. */
  async since(
    after: bigint,
    wanted: (recorded: RecordedEvent) => boolean,
  ): Promise<{ readonly events: readonly RecordedEvent[]; readonly upTo: bigint }> {
    const { signal } = this.closing;
    const filter = { types: this.options.types };
    const found: RecordedEvent[] = [];
    let upTo = after;
    for await (const page of this.tail.subscribe({ after, filter, batchMax: pageEventsMax, signal })) {
      for (const recorded of page.events) if (wanted(recorded)) found.push(recorded);
      ({ upTo } = page);
      if (upTo >= this.position) break;
      // A page that is in memory already comes without a pause.
      await breathe();
    }
    return { events: found, upTo };
  }
}

/** Hands out followers of the log. */
@Injectable()
export class LiveLog {
  constructor(
    private readonly tail: Tail,
    private readonly store: EventStore,
    @Inject(LOG) private readonly log: Log,
  ) {}

  follower(options: FollowerOptions): LogFollower {
    return new LogFollower(this.tail, this.store, this.log, options);
  }
}
