// eslint-disable-next-line no-restricted-syntax -- when others get their turn changes no number
import { setImmediate as breathe } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { PromptSessionEvent } from '../../src/interactive-prompts/prompt-session.js';
import type { PromptUid } from '../../src/kernel/ids.js';
import { Database } from '../../src/platform/database/database.js';
import { EventStore, type DomainEvent, type RecordedEvent } from '../../src/platform/event-store/event-store.js';
import { followLog } from '../../src/platform/event-store/follow-log.js';
import { Tail } from '../../src/platform/event-store/tail.js';
import { ProjectionProgress } from '../../src/platform/projecting/progress.js';
import { crowdInTables, type Watched } from './crowd-rows.js';
import type { CrowdSums } from './crowd-sums.js';

/**
 * The crowds that somebody is watching, kept in memory and as fresh as this process's reader of the log: asking again costs no
 * round trip.
 *
 * A prompt is loaded from its tables together with the checkpoint they belong to, all of it from one snapshot, and from
 * there on every event after that checkpoint is added. Both halves meet exactly: no event is counted twice or left out.
 *
 * States of a prompt: *absent* -> asked for, *loading* -> the rows are there, and what the follower had passed by then was added,
 * *held* -> *absent* again when others need the room, or when a session changes hands, which only the tables can follow. What
 * cannot be brought to where the follower is gets answered from the tables, as of their checkpoint, and isn't kept.
 */
@Injectable()
export class CrowdsInMemory implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly held = new LRUCache<PromptUid, CrowdSums>({
    max: promptsMax,
    maxSize: numbersMax,
    sizeCalculation: ({ size }) => size,
  });
  private readonly loading = new Map<PromptUid, Promise<CrowdSums>>();
  private readonly waiting = new Set<Waiting>();
  private readonly closing = new AbortController();
  private at = 0n;
  private following: Promise<void> | undefined;

  constructor(
    private readonly store: EventStore,
    private readonly tail: Tail,
    private readonly database: Database,
    private readonly progress: ProjectionProgress,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.at = await this.store.head();
    const order = { after: this.at, filter, signal: this.closing.signal };
    this.following = followLog(this.tail, order, {
      take: ({ events, upTo }) => {
        this.moveTo(upTo, events);
      },
    });
  }

  async onApplicationShutdown(): Promise<void> {
    this.closing.abort();
    await this.following;
  }

  /**
   * The sums of a prompt, which the caller only reads, and at once: they go on changing. If everything up to `atLeast` does not
   * get here in time, their `position` shows it.
   */
  async of({ promptUid, durationSeconds }: Watched, { atLeast, waitMs }: Wait): Promise<CrowdSums> {
    if (atLeast > this.at) await this.reached(atLeast, waitMs);
    const held = this.held.get(promptUid);
    if (held !== undefined) {
      // It has grown since it was last weighed.
      this.held.set(promptUid, held);
      return held;
    }
    const sums = await this.loadOnce({ promptUid, durationSeconds });
    if (sums.position >= atLeast) return sums;
    await this.progress.waitFor('prefix_sums', atLeast, waitMs);
    return this.loadOnce({ promptUid, durationSeconds });
  }

  private loadOnce(watched: Watched): Promise<CrowdSums> {
    const { promptUid } = watched;
    const known = this.loading.get(promptUid);
    if (known !== undefined) return known;
    const loading = this.load(watched).finally(() => this.loading.delete(promptUid));
    this.loading.set(promptUid, loading);
    return loading;
  }

  private async load(watched: Watched): Promise<CrowdSums> {
    const sums = await crowdInTables(this.database, watched);
    await this.catchUp(watched.promptUid, sums);
    return sums;
  }

  /** Adds what the follower had passed by then and takes the prompt in, or leaves the sums as of where it could not go on. */
  private async catchUp(promptUid: PromptUid, sums: CrowdSums): Promise<void> {
    if (this.at - sums.position > catchUpPositionsMax) return;
    const signal = AbortSignal.any([this.closing.signal, AbortSignal.timeout(catchUpMsMax)]);
    const pages = this.tail.subscribe({ after: sums.position, filter, batchMax: catchUpEventsMax, signal });
    while (sums.position < this.at) {
      const { value: page } = await pages.next();
      if (page === undefined) return;
      const missed = page.events.map(({ event }) => event).filter(isOfSession);
      const own = missed.filter((event) => event.promptUid === promptUid);
      if (own.some(isBeyondAdding)) break;
      for (const event of own) if (isMoment(event)) sums.take(event);
      sums.position = page.upTo;
      // A page that is in memory already comes without a pause.
      if (sums.position < this.at) await breathe();
    }
    // From the last look at where the follower is to the moment from which it takes care of the prompt, nothing is awaited.
    if (sums.position >= this.at) this.held.set(promptUid, sums);
    await pages.return();
  }

  private take({ event, position }: RecordedEvent): void {
    if (!isOfSession(event)) return;
    const sums = this.held.peek(event.promptUid);
    if (sums === undefined || position <= sums.position) return;
    if (isBeyondAdding(event)) this.held.delete(event.promptUid);
    else if (isMoment(event)) sums.take(event);
  }

  private moveTo(position: bigint, events: readonly RecordedEvent[]): void {
    for (const recorded of events) this.take(recorded);
    this.at = position;
    for (const sums of this.held.values()) if (sums.position < position) sums.position = position;
    for (const waiting of this.waiting) if (waiting.position <= position) waiting.done();
  }

  private reached(position: bigint, waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.waiting.delete(waiting);
        resolve();
      };
      const waiting = { position, done };
      // eslint-disable-next-line no-restricted-syntax -- how long a reader waits changes no number
      const timer = setTimeout(done, waitMs);
      this.waiting.add(waiting);
    });
  }
}

export interface Wait {
  readonly atLeast: bigint;
  readonly waitMs: number;
}

interface Waiting {
  readonly position: bigint;
  done(): void;
}

const promptsMax = 2_000;
/** Together with the names of people, some two hundred megabytes. */
const numbersMax = 20_000_000;
const catchUpPositionsMax = 50_000n;
const catchUpMsMax = 2_000;
const catchUpEventsMax = 1_000;

const filter = { categories: ['promptSession'] } as const;

function isOfSession(event: DomainEvent): event is PromptSessionEvent {
  return Object.hasOwn(kinds, event.type);
}

function isMoment(event: PromptSessionEvent): event is Extract<PromptSessionEvent, { readonly promptTime: number }> {
  return 'promptTime' in event;
}

/** It moves what somebody did to somebody else, and only the tables know what that was. */
function isBeyondAdding(event: PromptSessionEvent): boolean {
  return event.type === 'SessionOwnerChanged';
}

const kinds: Readonly<Record<PromptSessionEvent['type'], true>> = {
  SessionOpened: true,
  SessionJoined: true,
  PromptLiked: true,
  NumberAnswered: true,
  ColorAnswered: true,
  WordAnswered: true,
  PressStarted: true,
  PressEnded: true,
  SessionLeft: true,
  SessionOwnerChanged: true,
  SessionErased: true,
};
