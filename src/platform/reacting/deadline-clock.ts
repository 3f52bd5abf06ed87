import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandAddresses } from '../deciding/command-addresses.js';
import { describeFailure } from '../projecting/failure.js';
import type { Deadline, Deadlines } from './deadlines.js';
import { Lanes } from './lanes.js';
import type { ReactingObserver } from './reacting-observer.js';
import { sent, type CommandSender } from './reaction.js';

export interface ClockParts {
  readonly deadlines: Deadlines;
  readonly commands: CommandSender;
  readonly addresses: CommandAddresses;
  readonly observer: ReactingObserver;
}

export interface ClockLimits {
  /** The longest sleep. Another process may have set a deadline that this one has not heard of. */
  readonly pollMs: number;
  readonly batchMax: number;
  readonly runningMax: number;
  readonly retryMsMax: number;
  readonly forgetMs: number;
}

export const clockLimits: ClockLimits = {
  pollMs: 1_000,
  batchMax: 200,
  runningMax: 16,
  retryMsMax: 300_000,
  forgetMs: 60_000,
};

/**
 * Sends the commands whose time has come. One worker at a time does it, under a lease.
 *
 * It sleeps until the next deadline is due, but no longer than the poll. What is due is sent in the order it fell due, one by
 * one to each stream and side by side to different ones, and stays set until it was done or refused: a crash in between sends
 * it again, under the same command id. After an outage all that is overdue is sent, however late.
 */
export class DeadlineClock {
  private forgottenAt = performance.now();

  constructor(
    private readonly parts: ClockParts,
    private readonly limits: ClockLimits = clockLimits,
  ) {}

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const woken = new AbortController();
      const stopListening = this.parts.deadlines.onSet(() => {
        woken.abort();
      });
      try {
        const more = await this.sendDue(signal);
        if (!more) await this.rest(AbortSignal.any([signal, woken.signal]));
      } finally {
        stopListening();
      }
    }
  }

  /** True when there may be more that is due. */
  private async sendDue(signal: AbortSignal): Promise<boolean> {
    const due = await this.parts.deadlines.due(this.limits.batchMax);
    const fired: Deadline[] = [];
    const lanes = new Lanes(this.limits.runningMax);
    for (const deadline of due) {
      lanes.add(`${deadline.category}-${deadline.id}`, async () => {
        if (!signal.aborted && (await this.send(deadline))) fired.push(deadline);
      });
    }
    await lanes.idle();
    await this.parts.deadlines.fired(fired);
    return due.length === this.limits.batchMax;
  }

  private async send(deadline: Deadline): Promise<boolean> {
    const { process, category, id, payload, cause, dueAt, attempts } = deadline;
    const { addresses, commands, observer, deadlines } = this.parts;
    try {
      const { outcome } = await sent(commands, addresses.commandOf(category, id, payload, cause));
      observer.deadlineFired({ process, category, dueAt, outcome });
      return true;
    } catch (error) {
      observer.deadlineFailed({ process, category, attempts: attempts + 1, error });
      const againInMs = Math.min(this.limits.retryMsMax, 250 * 2 ** attempts);
      await this.orTroubled(() => deadlines.failed(deadline, describeFailure(error, payload), againInMs));
      return false;
    }
  }

  private async rest(signal: AbortSignal): Promise<void> {
    if (performance.now() - this.forgottenAt >= this.limits.forgetMs) {
      this.forgottenAt = performance.now();
      await this.parts.deadlines.forgetPast();
    }
    const nextMs = (await this.parts.deadlines.nextInMs()) ?? this.limits.pollMs;
    await sleep(Math.min(nextMs, this.limits.pollMs), undefined, { signal }).catch(() => undefined);
  }

  private async orTroubled(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.parts.observer.troubled({ part: 'deadlines', error });
    }
  }
}
