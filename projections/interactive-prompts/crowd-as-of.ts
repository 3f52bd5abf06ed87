import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { LRUCache } from 'lru-cache';
import type { PromptSessionEvent, PromptSessionMoment } from '../../src/interactive-prompts/prompt-session.js';
import type { PromptUid } from '../../src/kernel/ids.js';
import { EventStore, type DomainEvent } from '../../src/platform/event-store/event-store.js';
import { ProjectionProgress } from '../../src/platform/projecting/progress.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { CrowdSums } from './crowd-sums.js';

/**
 * The crowd as it was when the log had come to a position: the prompt's sessions, read from the log and folded up to there.
 *
 * Cost: a read of a stream for every session that the prompt had by then, and so only for prompts with up to a few thousand, and
 * one question after the other: people who take part need the database more. What was there does not change any more, so the
 * latest answers are kept, and whoever asks bin by bin waits once. A session belongs to whoever had it at that position.
 */
export class CrowdAsOf extends Query<Then> {
  constructor(
    readonly prompt: { readonly promptUid: PromptUid; readonly durationSeconds: number },
    readonly position: bigint,
    readonly waitMs: number,
  ) {
    super();
  }
}

export type Then =
  /** For the caller to read. */
  | { readonly outcome: 'seen'; readonly sums: CrowdSums }
  /** Which sessions the prompt has is not known up to that position yet. */
  | { readonly outcome: 'behind'; readonly at: bigint }
  | { readonly outcome: 'too_many_sessions' }
  | { readonly outcome: 'too_many_events' }
  /** Too many such questions wait already. */
  | { readonly outcome: 'busy' };

const sessionsMax = 2_000;
const eventsMax = 200_000;
const waitingMax = 4;
const readsAtOnce = 4;
/** A few milliseconds' work. */
const eventsPerRead = 500;
const keptMax = 100;
const keptNumbersMax = 2_000_000;

const sessionsUpTo = {
  columns: { session_uid: 'text', events: 'bigint' },
  sql: `select session_uid, count(*) as events from read.event_search where prompt_uid = $1 and position <= $2
        group by session_uid limit $3`,
} as const;

@QueryHandler(CrowdAsOf)
export class CrowdAsOfHandler implements IQueryHandler<CrowdAsOf> {
  private readonly kept = new LRUCache<string, CrowdSums>({
    max: keptMax,
    maxSize: keptNumbersMax,
    sizeCalculation: ({ size }) => size,
  });
  private readonly underWay = new Map<string, Promise<Then>>();
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly store: EventStore,
    private readonly readModels: ReadModels,
    private readonly progress: ProjectionProgress,
  ) {}

  async execute({ prompt, position, waitMs }: CrowdAsOf): Promise<Then> {
    const { reached, at } = await this.progress.waitFor('event_search', position, waitMs);
    if (!reached) return { outcome: 'behind', at };
    const question = `${prompt.promptUid} ${String(position)}`;
    const sums = this.kept.get(question);
    if (sums !== undefined) return { outcome: 'seen', sums };
    return this.underWay.get(question) ?? this.inTurn(question, () => this.count(prompt, position));
  }

  private inTurn(question: string, count: () => Promise<Then>): Promise<Then> {
    if (this.underWay.size >= waitingMax) return Promise.resolve({ outcome: 'busy' });
    const counting = this.last.then(count).then((then) => {
      if (then.outcome === 'seen') this.kept.set(question, then.sums);
      return then;
    });
    const done = (): void => {
      this.underWay.delete(question);
    };
    this.last = counting.then(done, done);
    this.underWay.set(question, counting);
    return counting;
  }

  private async count({ promptUid, durationSeconds }: CrowdAsOf['prompt'], position: bigint): Promise<Then> {
    const values = [promptUid, position, sessionsMax + 1];
    const sessions = await this.readModels.query(sessionsUpTo.columns, sessionsUpTo.sql, values);
    if (sessions.length > sessionsMax) return { outcome: 'too_many_sessions' };
    if (sessions.reduce((sum, { events }) => sum + events, 0) > eventsMax) return { outcome: 'too_many_events' };
    const sums = new CrowdSums(durationSeconds, position);
    for (let first = 0; first < sessions.length; first += readsAtOnce) {
      const some = sessions.slice(first, first + readsAtOnce);
      await Promise.all(some.map(({ session_uid: uid }) => this.add(`promptSession-${uid}`, position, sums)));
    }
    return { outcome: 'seen', sums };
  }

  /** Sums do not care in which order sessions are added. Whose a session is matters where it comes and goes. */
  private async add(stream: string, upTo: bigint, sums: CrowdSums): Promise<void> {
    const comings: PromptSessionMoment[] = [];
    let owner: Partial<Pick<PromptSessionMoment, 'userSub'>> = {};
    for (let from = 1, isMore = true; isMore; from += eventsPerRead) {
      const { events } = await this.store.readStream(stream, { from, limit: eventsPerRead });
      const until = events.filter(({ position }) => position <= upTo);
      for (const { event } of until) {
        if (isHandover(event)) owner = { userSub: event.newOwner };
        else if (isComing(event)) comings.push(event);
        else if (isMoment(event)) sums.take(event);
      }
      isMore = until.length === eventsPerRead;
    }
    for (const moment of comings) sums.take({ ...moment, ...owner });
  }
}

function isMoment(event: DomainEvent): event is PromptSessionMoment {
  return 'promptTime' in event;
}

type Of<Type extends PromptSessionEvent['type']> = Extract<PromptSessionEvent, { readonly type: Type }>;

function isComing(event: DomainEvent): event is Of<'SessionJoined' | 'SessionLeft'> {
  return event.type === 'SessionJoined' || event.type === 'SessionLeft';
}

function isHandover(event: DomainEvent): event is Of<'SessionOwnerChanged'> {
  return event.type === 'SessionOwnerChanged';
}
