import { isDeepStrictEqual } from 'node:util';
import type { CommandAddresses } from '../deciding/command-addresses.js';
import { CommandRefused } from '../deciding/refusals.js';
import type { Cause, StreamCommand, StreamCommandClass } from '../deciding/stream-command.js';
import type { RecordedEvent } from '../event-store/event-store.js';
import type { Deadlines } from './deadlines.js';
import { derivedCommandId } from './derived-ids.js';
import type { Reaction, Sent } from './process.js';

/** Nest's CommandBus, as far as processes need it. */
export interface CommandSender {
  execute(command: StreamCommand): Promise<unknown>;
}

/** What every reaction of one process under one lease has in common. */
export interface Acting {
  readonly process: string;
  readonly epoch: number;
  readonly commands: CommandSender;
  readonly addresses: CommandAddresses;
  readonly deadlines: Deadlines;
}

/** One process's acts on one event. Each act gets the next step, so its id is the same whenever the event comes again. */
export class EventReaction implements Reaction {
  private steps = 0;

  constructor(
    private readonly acting: Acting,
    private readonly recorded: RecordedEvent,
  ) {}

  async send<Id extends string, Payload extends { readonly type: string }>(
    To: StreamCommandClass<Id, Payload>,
    id: Id,
    payload: Payload,
  ): Promise<Sent> {
    return sent(this.acting.commands, new To(id, payload, this.causeOfStep(this.nextStep())));
  }

  async sendAt<Id extends string, Payload extends { readonly type: string }>(
    { key, dueAt }: { readonly key: string; readonly dueAt: Date },
    to: StreamCommandClass<Id, Payload>,
    id: Id,
    payload: Payload,
  ): Promise<void> {
    const step = this.nextStep();
    const category = this.acting.addresses.categoryOf(to);
    if (!isDeepStrictEqual(JSON.parse(JSON.stringify(payload)), payload)) {
      throw new TypeError(`${payload.type} cannot wait for its time: its payload is not plain data.`);
    }
    const cause = this.causeOfStep(step);
    await this.acting.deadlines.set(this.dueTo(step), { key, dueAt, category, id, payload, cause });
  }

  async cancel(key: string): Promise<void> {
    await this.acting.deadlines.cancel(this.dueTo(this.nextStep()), key);
  }

  /** Taken when an act is asked for, not when it happens, so acts side by side keep the order in which they were written. */
  private nextStep(): number {
    this.steps += 1;
    return this.steps;
  }

  private dueTo(step: number) {
    const { process, epoch } = this.acting;
    return { process, epoch, position: this.recorded.position, step };
  }

  /**
   * The id alone says what was asked: an event delivered again may lead to another payload (a later time, another answer of a
   * language model), and must get the first result all the same.
   */
  private causeOfStep(step: number): Cause & { readonly commandId: string } {
    const { id, metadata } = this.recorded;
    const commandId = derivedCommandId(this.acting.process, id, step);
    return {
      correlationId: metadata.correlationId,
      commandId,
      fingerprint: commandId,
      causationId: id,
      ...(metadata.trace !== undefined && { trace: metadata.trace }),
    };
  }
}

export async function sent(commands: CommandSender, command: StreamCommand): Promise<Sent> {
  try {
    await commands.execute(command);
    return { outcome: 'done' };
  } catch (error) {
    if (!(error instanceof CommandRefused)) throw error;
    return { outcome: 'refused', reason: error.reason };
  }
}
