import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { DecisionModel } from '../../kernel/decision-model.js';
import type { EventFamily, EventOf } from '../../kernel/event-family.js';
import { EventStore } from '../event-store/event-store.js';
import { inSpan } from '../telemetry/trace.js';
import type { CommandAddress } from './command-addresses.js';
import type { Decided } from './decided.js';
import { Decider, decidingLimits } from './decider.js';
import { DecidingObserver } from './deciding-observer.js';
import type { Following } from './following.js';
import type { StreamCommand, StreamCommandClass } from './stream-command.js';

/** What `decides` makes: a provider for the slice's module, and an entry for the list of handlers that addresses are made from. */
export interface DecidesHandler<Id extends string, Payload extends { readonly type: string }> {
  new (store: EventStore, observer: DecidingObserver): ICommandHandler<StreamCommand<Id, Payload>>;
  readonly address: CommandAddress;
}

/** The one command handler of the product: `export const PromptSessionHandler = decides(PromptSessionCommand, promptSession);` */
export function decides<
  Id extends string,
  Payload extends { readonly type: string },
  State,
  Family extends EventFamily,
  Reason extends string,
>(
  message: StreamCommandClass<Id, Payload>,
  model: DecisionModel<State, Payload, Family, Reason>,
  following?: Following<State, EventOf<Family>>,
): DecidesHandler<Id, Payload> {
  @CommandHandler(message)
  class DecidingHandler {
    static readonly address: CommandAddress = {
      category: model.category,
      message,
      commandOf: (id: Id, payload: Payload, cause) => new message(id, payload, cause),
    };
    readonly #decider: Decider<State, Payload, Family, Reason>;

    constructor(@Inject(EventStore) store: EventStore, @Inject(DecidingObserver) observer: DecidingObserver) {
      this.#decider = new Decider(model, store, observer, { ...decidingLimits, following });
    }

    execute({ id, payload, cause }: StreamCommand<Id, Payload>): Promise<Decided> {
      const attributes = { 'chorus.stream': `${model.category}-${id}` };
      return inSpan(`command ${payload.type}`, attributes, () => this.#decider.carryOut(id, payload, cause));
    }
  }
  // Nest speaks of providers by their class name.
  Object.defineProperty(DecidingHandler, 'name', { value: `Decides<${model.category}>` });
  return DecidingHandler;
}
