import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { isRefusal, type Decision, type DecisionModel, type Refusal } from '../../kernel/decision-model.js';
import type { EventFamily, EventOf } from '../../kernel/event-family.js';
import { AppendOutcomeUnknown, StoreUnavailable, VersionConflict } from '../event-store/errors.js';
import type {
  Append,
  Appended,
  CommandRef,
  DomainEvent,
  EventMetadata,
  EventStore,
  RecordedEvent,
  StreamWrite,
} from '../event-store/event-store.js';
import type { Decided } from './decided.js';
import type { CommandOutcome, DecidingObserver } from './deciding-observer.js';
import { fingerprintOf } from './fingerprint.js';
import type { Following } from './following.js';
import { CommandRefused } from './refusals.js';
import type { Cause } from './stream-command.js';
import { StreamQueue } from './stream-queue.js';
import { StreamStates, type Known } from './stream-states.js';

export interface DecidingLimits {
  /** States kept in memory per model, so that a stream in use costs one round trip: the append. */
  readonly statesMax: number;
  /** Commands that may wait for one stream. */
  readonly waitingMax: number;
  readonly attemptsMax: number;
}

export interface DeciderOptions<State, Event extends DomainEvent> extends DecidingLimits {
  readonly following?: Following<State, Event> | undefined;
}

export const decidingLimits: DecidingLimits = { statesMax: 20_000, waitingMax: 1_000, attemptsMax: 8 };

/**
 * Carries out the commands of one decision model: load, decide, append; on conflict read on and decide again.
 *
 * The state may come from memory and be out of date. That is harmless for whatever is appended, because the log checks the
 * version. An answer that appends nothing has no such check, so it is given only on a state just read from the log.
 *
 * A command that carries an id and comes again gets its first result. The append finds that out by itself, so the ledger is
 * asked separately only before a refusal: "already joined" is the wrong answer for the one who joined. It is asked after the
 * stream was read, never before: the entry is committed with the events, so whoever sees the events finds the entry, while
 * the other order leaves a gap in which the first try commits unseen.
 *
 * When the log's answer to an append is lost, the same append is simply made again. The version it expects can be taken only
 * once, so either it succeeds now, or it conflicts and the events that took the version tell whose they were.
 */
export class Decider<State, Payload extends DomainEvent, Family extends EventFamily, Reason extends string> {
  private readonly states: StreamStates<State, Family>;
  private readonly queue: StreamQueue;
  private readonly limits: DecidingLimits;
  private readonly followingOf: ReturnType<Following<State, EventOf<Family>>> | undefined;

  constructor(
    private readonly model: DecisionModel<State, Payload, Family, Reason>,
    private readonly store: EventStore,
    private readonly observer: DecidingObserver,
    { following, ...limits }: DeciderOptions<State, EventOf<Family>> = decidingLimits,
  ) {
    this.limits = limits;
    this.followingOf = following?.(store, limits.statesMax);
    this.states = new StreamStates(model, store, limits.statesMax);
    this.queue = new StreamQueue(limits.waitingMax);
  }

  /** Rejects with CommandRefused, StreamBusy, and what the event store rejects with. */
  async carryOut(id: string, payload: Payload, cause: Cause): Promise<Decided> {
    const since = performance.now();
    const order = orderOf(`${this.model.category}-${id}`, payload, cause);
    try {
      const decided = await this.queue.run(order.stream, () => this.inTurn(order));
      this.report(order, outcomeOf(decided), decided.events.length, since);
      return decided;
    } catch (error) {
      this.report(order, error instanceof CommandRefused ? 'refused' : 'failed', 0, since);
      throw error;
    }
  }

  private async inTurn(order: Order<Payload>): Promise<Decided> {
    let trial: Trial<State, EventOf<Family>> | undefined;
    let doubt: AppendOutcomeUnknown | undefined;
    for (;;) {
      order.attempts += 1;
      try {
        trial ??= await this.decide(order);
        return await this.settle(order, trial, doubt !== undefined);
      } catch (error) {
        if (error instanceof AppendOutcomeUnknown) {
          doubt = error;
        } else if (error instanceof VersionConflict) {
          trial = undefined;
          doubt = undefined;
        } else if (doubt === undefined || !(error instanceof StoreUnavailable)) {
          throw error;
        }
        if (order.attempts >= this.limits.attemptsMax) throw doubt ?? error;
        await sleep(pauseMs(order.attempts, doubt !== undefined));
      }
    }
  }

  private async decide(order: Order<Payload>): Promise<Trial<State, EventOf<Family>>> {
    const cached = this.states.cached(order.stream);
    if (cached !== undefined) {
      const trial = await this.judge(order, cached);
      if (isCheckedByAppend(trial.decision, order)) return trial;
    }
    const { known } = await this.states.read(order.stream);
    return this.judge(order, known);
  }

  /** Most decisions concern one stream, and there is nothing to wait for. */
  private judge(order: Order<Payload>, known: Known<State>): Eventually<Trial<State, EventOf<Family>>> {
    const decision = this.model.decide(order.payload, known.state);
    const alone = { known, decision, following: [] };
    if (isRefusal(decision) || decision.length === 0 || this.followingOf === undefined) return alone;
    return this.followingOf(decision, known.state).then((following) =>
      'refused' in following ? { ...alone, decision: following } : { known, decision, following },
    );
  }

  private async settle(
    order: Order<Payload>,
    { known, decision, following }: Trial<State, EventOf<Family>>,
    inDoubt: boolean,
  ): Promise<Decided> {
    if (isRefusal(decision)) {
      const first = order.command && (await this.store.findCommand(order.command));
      if (first === undefined) throw new CommandRefused(this.model.category, order.payload.type, decision.refused);
      return repeated(order, first, known);
    }
    if (!isCheckedByAppend(decision, order)) {
      return { position: known.position, version: known.version, events: [], repeated: false };
    }
    try {
      const append = appendOf(order, known, [decision, following]);
      return this.remember(order, known, await this.store.append(append), inDoubt);
    } catch (error) {
      if (!(error instanceof VersionConflict)) throw error;
      const { tail } = await this.states.read(order.stream, known);
      const own = tail.slice(0, decision.length);
      // Streams that followed were written with these or not at all.
      if (inDoubt && areOf(order, decision, own)) return decidedBy(order, own, known, false);
      throw error;
    }
  }

  private remember(order: Order<Payload>, known: Known<State>, appended: Appended, inDoubt: boolean): Decided {
    if (appended.repeated) return { ...repeated(order, appended, known), repeated: !inDoubt };
    const own = appended.events.filter(({ stream }) => stream === order.stream);
    const version = known.version + own.length;
    this.states.advance(order.stream, known, own, version);
    return { position: appended.position, version, events: appended.events, repeated: false };
  }

  private report(order: Order<Payload>, outcome: CommandOutcome, events: number, since: number): void {
    this.observer.commandDone({
      stream: order.stream,
      category: this.model.category,
      command: order.payload.type,
      correlationId: order.metadata.correlationId,
      outcome,
      events,
      attempts: order.attempts,
      ms: performance.now() - since,
    });
  }
}

interface Order<Payload> {
  readonly stream: string;
  readonly payload: Payload;
  readonly metadata: EventMetadata;
  readonly command: CommandRef | undefined;
  attempts: number;
}

type Eventually<Value> = Value | Promise<Value>;

/** What was decided, and on what. Kept while the log's answer is in doubt: the same append is made again. */
interface Trial<State, Event> {
  readonly known: Known<State>;
  /** A refusal may be that of a stream that would have followed. */
  readonly decision: readonly Event[] | Refusal;
  readonly following: readonly StreamWrite[];
}

function orderOf<Payload extends DomainEvent>(stream: string, payload: Payload, cause: Cause): Order<Payload> {
  const { fingerprint, ...metadata } = cause;
  const id = cause.commandId;
  const command = id === undefined ? undefined : { id, fingerprint: fingerprint ?? fingerprintOf(stream, payload) };
  return { stream, payload, metadata, command, attempts: 0 };
}

/** Nothing to write is an append all the same when there is a ledger entry to make, and its version is checked with it. */
function isCheckedByAppend<Event>(
  decision: Decision<Event, string>,
  order: Order<unknown>,
): decision is readonly Event[] {
  return !isRefusal(decision) && (decision.length > 0 || order.command !== undefined);
}

function appendOf<State>(
  order: Order<unknown>,
  known: Known<State>,
  [events, following]: readonly [readonly DomainEvent[], readonly StreamWrite[]],
): Append {
  const { stream, metadata, command } = order;
  const expected = known.version === 0 ? 'none' : known.version;
  return { writes: [{ stream, expected, events }, ...following], metadata, ...(command && { command }) };
}

function repeated<State>(order: Order<unknown>, first: Appended, known: Known<State>): Decided {
  return { ...decidedBy(order, first.events, known, true), position: first.position };
}

function decidedBy<State>(
  order: Order<unknown>,
  events: readonly RecordedEvent[],
  known: Known<State>,
  isRepeated: boolean,
): Decided {
  const last = events.findLast(({ stream }) => stream === order.stream);
  return {
    position: events.at(-1)?.position ?? known.position,
    version: last?.version ?? known.version,
    events,
    repeated: isRepeated,
  };
}

/** Are these the events of this very command? Ids and times inside them tell two commands apart, the correlation two requests. */
function areOf(order: Order<unknown>, decision: readonly DomainEvent[], events: readonly RecordedEvent[]): boolean {
  return (
    events.length === decision.length &&
    events.every(({ event, metadata }, index) => {
      return metadata.correlationId === order.metadata.correlationId && isDeepStrictEqual(event, decision[index]);
    })
  );
}

function outcomeOf(decided: Decided): CommandOutcome {
  if (decided.repeated) return 'repeated';
  return decided.events.length === 0 ? 'unchanged' : 'decided';
}

/** A conflict is over at once, so the first retries don't wait; chance keeps two processes from meeting again. An outage lasts. */
function pauseMs(attempts: number, isOutage: boolean): number {
  if (isOutage) return Math.min(1_000, 50 * 2 ** attempts);
  return attempts < 3 ? 0 : Math.random() * Math.min(100, 2 ** attempts);
}
