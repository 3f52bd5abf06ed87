import { Command } from '@nestjs/cqrs';
import type { Decided } from './decided.js';

/**
 * A wish addressed to one stream of one decision model. Each model has one subclass, and CommandBus routes by it:
 * `export class PromptSessionCommand extends StreamCommand<PromptSessionUid, PromptSessionWish> {}`
 */
export abstract class StreamCommand<
  Id extends string = string,
  Payload extends { readonly type: string } = { readonly type: string },
> extends Command<Decided> {
  constructor(
    readonly id: Id,
    readonly payload: Payload,
    readonly cause: Cause,
  ) {
    super();
  }
}

export type StreamCommandClass<Id extends string, Payload extends { readonly type: string }> = new (
  id: Id,
  payload: Payload,
  cause: Cause,
) => StreamCommand<Id, Payload>;

/** Where a command comes from. It ends up in the metadata of every event the command leads to. */
export interface Cause {
  readonly correlationId: string;
  /**
   * Present when whoever sends the command may send it again: a client's Idempotency-Key, or the id a process derives from
   * the event it reacts to. The log then answers a repetition with the first result.
   */
  readonly commandId?: string;
  /**
   * Hash of what the client asked, when the sender knows better than the payload does: the payload holds fresh ids and times
   * that differ between a request and its retry.
   */
  readonly fingerprint?: string;
  readonly causationId?: string;
  readonly actor?: string;
  readonly trace?: string;
}
