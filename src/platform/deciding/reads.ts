import { Inject } from '@nestjs/common';
import type { DecisionModel } from '../../kernel/decision-model.js';
import type { EventFamily } from '../../kernel/event-family.js';
import { EventStore } from '../event-store/event-store.js';
import { decidingLimits } from './decider.js';
import { StreamStates } from './stream-states.js';

/** The states of a model's streams, for whoever must tell a command to another stream about them. */
export interface Reads<Id extends string, State> {
  /** As the log has it: costs one read of what is new. */
  current(id: Id): Promise<State>;
  /**
   * As this process saw it last, if it ever saw the stream exist: costs nothing, and may be old. For facts that do not change
   * once they are there.
   */
  lastSeen(id: Id): Promise<State>;
}

/** `export class Prompts extends reads<PromptUid>()(prompt) {}`: a provider for the slice's module. */
export function reads<Id extends string>() {
  return <State, Command extends { readonly type: string }, Family extends EventFamily, Reason extends string>(
    model: DecisionModel<State, Command, Family, Reason>,
  ): new (store: EventStore) => Reads<Id, State> => {
    class StreamReader implements Reads<Id, State> {
      readonly #states: StreamStates<State, Family>;

      constructor(@Inject(EventStore) store: EventStore) {
        this.#states = new StreamStates(model, store, decidingLimits.statesMax);
      }

      async current(id: Id): Promise<State> {
        const { known } = await this.#states.read(streamOf(id));
        return known.state;
      }

      lastSeen(id: Id): Promise<State> {
        const known = this.#states.cached(streamOf(id));
        return known === undefined || known.version === 0 ? this.current(id) : Promise.resolve(known.state);
      }
    }
    const streamOf = (id: Id): string => `${model.category}-${id}`;
    return StreamReader;
  };
}
