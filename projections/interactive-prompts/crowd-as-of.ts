import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { PromptSessionEvent, PromptSessionMoment } from '../../src/interactive-prompts/prompt-session.js';
import type { PromptUid, UserSub } from '../../src/kernel/ids.js';
import { EventStore, type DomainEvent, type RecordedEvent } from '../../src/platform/event-store/event-store.js';
import { ProjectionProgress } from '../../src/platform/projecting/progress.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { CrowdSums } from './crowd-sums.js';

/**
 * The crowd as it was when the log had come to a position: the prompt's sessions, read from the log and folded up to there.
 *
 * Cost: one read of a stream for every session that the prompt had by then, and so only for prompts with up to a few thousand.
 * A session belongs to whoever had it at that position.
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
  | { readonly outcome: 'seen'; readonly sums: CrowdSums }
  /** Which sessions the prompt has is not known up to that position yet. */
  | { readonly outcome: 'behind'; readonly at: bigint }
  | { readonly outcome: 'too_many_sessions' };

const sessionsMax = 2_000;
const eventsPerSessionMax = 10_000;
const readsAtOnce = 8;

const sessionsUpTo = {
  columns: { session_uid: 'text' },
  sql: `select distinct session_uid from read.event_search where prompt_uid = $1 and position <= $2 limit $3`,
} as const;

@QueryHandler(CrowdAsOf)
export class CrowdAsOfHandler implements IQueryHandler<CrowdAsOf> {
  constructor(
    private readonly store: EventStore,
    private readonly readModels: ReadModels,
    private readonly progress: ProjectionProgress,
  ) {}

  async execute({ prompt, position, waitMs }: CrowdAsOf): Promise<Then> {
    const { reached, at } = await this.progress.waitFor('event_search', position, waitMs);
    if (!reached) return { outcome: 'behind', at };
    const values = [prompt.promptUid, position, sessionsMax + 1];
    const sessions = await this.readModels.query(sessionsUpTo.columns, sessionsUpTo.sql, values);
    if (sessions.length > sessionsMax) return { outcome: 'too_many_sessions' };
    const happened = await this.happenedIn(
      sessions.map(({ session_uid: uid }) => uid),
      position,
    );
    const sums = new CrowdSums(prompt.durationSeconds, position);
    const owners = new Map<string, UserSub>();
    for (const { event } of happened) if (isHandover(event)) owners.set(event.sessionUid, event.newOwner);
    for (const { event } of happened) {
      if (isMoment(event)) sums.take({ ...event, userSub: owners.get(event.sessionUid) ?? event.userSub });
    }
    return { outcome: 'seen', sums };
  }

  private async happenedIn(sessions: readonly string[], upTo: bigint): Promise<readonly RecordedEvent[]> {
    const happened: RecordedEvent[] = [];
    for (let first = 0; first < sessions.length; first += readsAtOnce) {
      const some = sessions.slice(first, first + readsAtOnce);
      const streams = await Promise.all(
        some.map((uid) => this.store.readStream(`promptSession-${uid}`, { limit: eventsPerSessionMax })),
      );
      happened.push(...streams.flatMap(({ events }) => events).filter(({ position }) => position <= upTo));
    }
    return happened.toSorted((one, other) => Number(one.position - other.position));
  }
}

function isMoment(event: DomainEvent): event is PromptSessionMoment {
  return 'promptTime' in event;
}

function isHandover(
  event: DomainEvent,
): event is Extract<PromptSessionEvent, { readonly type: 'SessionOwnerChanged' }> {
  return event.type === 'SessionOwnerChanged';
}
