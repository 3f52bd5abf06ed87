import type { DomainEvent, RecordedEvent } from '../event-store/event-store.js';
import type { ProjectionProgress } from '../projecting/progress.js';
import type { ReadModels } from '../projecting/read-models.js';
import type { StreamCommandClass } from '../deciding/stream-command.js';

/**
 * The side-effecting twin of a projection: events in, commands out.
 *
 * It runs at least once per event, from a durable checkpoint, under a lease. Events of one stream come in order, one at a time;
 * different streams run side by side. What it sends carries an id derived from the process, the event and the ordinal of the
 * send, so the log carries each command out once however often the process runs.
 */
export interface Process<Events extends DomainEvent = DomainEvent> {
  /** Also the name of its checkpoint and lease, and part of every command id it derives: never renamed. */
  readonly name: string;
  /** Its keys are the filter. */
  readonly on: Reactions<Events>;
  /** Where a process starts that has never run: at the log's beginning, or only with what happens from now on. */
  readonly startsAt: 'beginning' | 'now';
}

export type Reactions<Events extends DomainEvent> = {
  readonly [Type in Events['type']]?: React<Extract<Events, { readonly type: Type }>>['react'];
};

/**
 * Written as a method because TypeScript compares the parameters of methods in both directions: that lets the runner hold
 * processes of different events in one list. The codec has checked every event against its schema before it gets here.
 */
interface React<Event> {
  react(event: Event, reaction: Reaction, recorded: RecordedEvent): Promise<void> | void;
}

/**
 * A process that must know more than its event says asks read models. They may be behind, so it first waits for one that has
 * seen the event.
 */
export type InformedProcess<Events extends DomainEvent = DomainEvent> = (sources: ProcessSources) => Process<Events>;

export interface ProcessSources {
  readonly readModels: ReadModels;
  readonly progress: ProjectionProgress;
}

/** What a process may do about an event. */
export interface Reaction {
  /** Sends a command now. A refusal is an answer, not a failure: it is returned. Anything else that fails is retried. */
  send<Id extends string, Payload extends { readonly type: string }>(
    to: StreamCommandClass<Id, Payload>,
    id: Id,
    payload: Payload,
  ): Promise<Sent>;
  /**
   * Sends a command when its time has come, also if the program was restarted in between. One deadline per key: setting it
   * again moves it. The payload is stored, so it must be plain data, and later versions of the model must still take it.
   */
  sendAt<Id extends string, Payload extends { readonly type: string }>(
    deadline: { readonly key: string; readonly dueAt: Date },
    to: StreamCommandClass<Id, Payload>,
    id: Id,
    payload: Payload,
  ): Promise<void>;
  /** Forgets a deadline. One that has already fired, or never was, is no error. */
  cancel(key: string): Promise<void>;
}

export type Sent = { readonly outcome: 'done' } | { readonly outcome: 'refused'; readonly reason: string };

/**
 * Thrown by whatever a process calls when the trouble is not the event's: a service that is down, a quota that is used up. The
 * reaction is then tried again for as long as it takes, where any other error is given up after a minute.
 */
export class TryLater extends Error {
  override readonly name = 'TryLater';
}
