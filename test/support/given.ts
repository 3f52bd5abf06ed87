import { expect } from '@jest/globals';
import fc from 'fast-check';
import { isRefusal, type DecisionModel } from '../../src/kernel/decision-model.js';
import type { EventFamily, EventOf } from '../../src/kernel/event-family.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';

/**
 * `given(model, events).when(command).thenEvents([...])`: a decision without a database, a clock or a bus.
 *
 * Every event also goes through the codec, so an example cannot be green with an event that the log would refuse, and every
 * state is frozen, so a model that changes one in place fails.
 */
export function given<State, Command extends Typed, Family extends EventFamily, Reason extends string>(
  model: DecisionModel<State, Command, Family, Reason>,
  history: readonly EventOf<Family>[] = [],
): { when(command: Command): Outcome<EventOf<Family>, Reason> } {
  return {
    when: (command) => {
      const decision = model.decide(deepFrozen(command), stateAfter(model, history));
      if (!isRefusal(decision)) assertStorable(model.events, decision);
      return {
        thenEvents: (events) => {
          expect(decision).toEqual(events);
        },
        thenRefused: (reason) => {
          expect(decision).toEqual({ refused: reason });
        },
        thenNothing: () => {
          expect(decision).toEqual([]);
        },
      };
    },
  };
}

interface Typed {
  readonly type: string;
}

export interface Outcome<Event, Reason extends string> {
  thenEvents(events: readonly Event[]): void;
  thenRefused(reason: Reason): void;
  /** What was asked is already so. */
  thenNothing(): void;
}

/**
 * After any history of commands, carrying a command out and asking for it again makes nothing happen the second time: it is
 * refused, or already so. Throws with the shortest history for which that is untrue.
 */
export function askingTwiceHappensOnce<State, Command extends Typed, Family extends EventFamily, Reason extends string>(
  model: DecisionModel<State, Command, Family, Reason>,
  command: fc.Arbitrary<Command>,
  options: fc.Parameters<[Command[]]> = {},
): void {
  const asked = (state: State, next: Command): State => {
    const decision = model.decide(next, state);
    if (isRefusal(decision)) return state;
    assertStorable(model.events, decision);
    const after = deepFrozen(decision.reduce(model.evolve, state));
    const again = model.decide(next, after);
    expect(isRefusal(again) ? [] : again).toEqual([]);
    return after;
  };
  fc.assert(
    fc.property(fc.array(command, { maxLength: 30 }), (commands) => {
      deepFrozen(commands).reduce(asked, deepFrozen(model.initial));
    }),
    options,
  );
}

function stateAfter<State, Command extends Typed, Family extends EventFamily, Reason extends string>(
  model: DecisionModel<State, Command, Family, Reason>,
  history: readonly EventOf<Family>[],
): State {
  assertStorable(model.events, history);
  return history.reduce((state, event) => deepFrozen(model.evolve(state, event)), deepFrozen(model.initial));
}

function assertStorable(family: EventFamily, events: readonly Typed[]): void {
  const codec = new EventCodec([family]);
  for (const event of events) codec.encode(event);
}

function deepFrozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFrozen);
  }
  return value;
}
