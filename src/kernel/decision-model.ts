import type { EventFamily, EventOf } from './event-family.js';

/**
 * The shape of every decision in the product: pure functions over one stream.
 *
 * A model reads no clock, throws no dice and knows no database. Time, new ids and chance arrive inside the command, so any
 * day can be replayed and any rule tested without a fixture.
 */
export interface DecisionModel<
  State,
  Command extends { readonly type: string },
  Family extends EventFamily,
  Reason extends string,
> {
  /** Streams are named `<category>-<id>`. Stored for ever, so never renamed. */
  readonly category: string;
  readonly events: Family;
  readonly initial: State;
  readonly evolve: (state: State, event: EventOf<Family>) => State;
  readonly decide: (command: Command, state: State) => Decision<EventOf<Family>, Reason>;
}

/** What happened, or why nothing may. An empty list means: already so. */
export type Decision<Event, Reason extends string> = readonly Event[] | Refusal<Reason>;

/** A business "no". A value, not an exception, so the compiler can list every one. */
export interface Refusal<Reason extends string = string> {
  readonly refused: Reason;
}

export function refuse<const Reason extends string>(refused: Reason): Refusal<Reason> {
  return { refused };
}

export function isRefusal<Event, Reason extends string>(
  decision: Decision<Event, Reason>,
): decision is Refusal<Reason> {
  return 'refused' in decision;
}
