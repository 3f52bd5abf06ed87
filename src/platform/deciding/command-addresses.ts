import type { Cause, StreamCommand } from './stream-command.js';

/** A decision model's address on the command bus. */
export interface CommandAddress {
  readonly category: string;
  readonly message: abstract new (...args: never) => StreamCommand;
  // A method and not a property, so that an address with branded ids is an address: whoever makes a command from what was
  // stored gives back the id and the payload that `sendAt` was given, and no type can follow them through the database.
  commandOf(id: string, payload: { readonly type: string }, cause: Cause): StreamCommand;
}

/** Finds the message class of a model by its category, for commands that were stored as data, and the other way round. */
export class CommandAddresses {
  private readonly byCategory = new Map<string, CommandAddress>();
  private readonly byMessage = new Map<unknown, CommandAddress>();

  constructor(handlers: readonly { readonly address: CommandAddress }[]) {
    for (const { address } of handlers) {
      if (this.byCategory.has(address.category)) {
        throw new CommandAddressUnknown(`Two handlers decide for streams of the category ${address.category}.`);
      }
      this.byCategory.set(address.category, address);
      this.byMessage.set(address.message, address);
    }
  }

  categoryOf(message: CommandAddress['message']): string {
    const address = this.byMessage.get(message);
    if (address === undefined) throw new CommandAddressUnknown(`No handler was made for ${message.name}.`);
    return address.category;
  }

  commandOf(category: string, id: string, payload: { readonly type: string }, cause: Cause): StreamCommand {
    const address = this.byCategory.get(category);
    if (address === undefined)
      throw new CommandAddressUnknown(`No handler decides for streams of the category ${category}.`);
    return address.commandOf(id, payload, cause);
  }
}

export class CommandAddressUnknown extends Error {
  override readonly name = 'CommandAddressUnknown';
}
