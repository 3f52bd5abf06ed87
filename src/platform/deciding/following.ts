import { type DecisionModel, isRefusal, type Refusal } from '../../kernel/decision-model.js';
import type { EventFamily } from '../../kernel/event-family.js';
import type { DomainEvent, EventStore, StreamWrite } from '../event-store/event-store.js';
import { StreamStates } from './stream-states.js';

/**
 * What a decision means for streams of another model, in the same append: all of it happens, or nothing.
 *
 * For the few rules that span streams and cannot wait for a process. Each event of the leading decision names wishes to other
 * streams; they are judged by their own model, on the state that the log has, and every stream is written under its version.
 * Whoever changes one of them meanwhile makes the whole be decided again.
 */
export type Following<State, Event extends DomainEvent> = (
  store: EventStore,
  statesMax: number,
) => (decided: readonly Event[], before: State) => Promise<readonly StreamWrite[] | Refusal>;

export interface Addressed<Id extends string, Payload> {
  readonly id: Id;
  readonly payload: Payload;
}

/**
 * `decides(JourneyCommand, journey, followedBy(prompt, promptWishesOf))`. What is wished may depend on the state before the
 * decision. A stream may be named once per decision.
 */
export function followedBy<
  Before,
  Event extends DomainEvent,
  Id extends string,
  Payload extends DomainEvent,
  State,
  Family extends EventFamily,
  Reason extends string,
>(
  model: DecisionModel<State, Payload, Family, Reason>,
  wishesOf: (event: Event, before: Before) => readonly Addressed<Id, Payload>[],
): Following<Before, Event> {
  return (store, statesMax) => {
    const states = new StreamStates(model, store, statesMax);
    return async (decided, before) => {
      const writes: StreamWrite[] = [];
      for (const { id, payload } of decided.flatMap((event) => wishesOf(event, before))) {
        const stream = `${model.category}-${id}`;
        const { known } = await states.read(stream);
        const decision = model.decide(payload, known.state);
        if (isRefusal(decision)) return decision;
        writes.push({ stream, expected: known.version === 0 ? 'none' : known.version, events: decision });
      }
      return writes;
    };
  };
}
