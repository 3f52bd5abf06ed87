import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStore, RecordedEvent } from '../event-store/event-store.js';
import type { Tail } from '../event-store/tail.js';
import type { Lease } from '../leasing/lease.js';
import { LogReplaced } from '../projecting/continuity.js';
import { describeFailure } from '../projecting/failure.js';
import { logDeparture } from '../projecting/log-anchor.js';
import type { Checkpoints } from './checkpoints.js';
import type { DeadLetters } from './dead-letters.js';
import { Lanes, type Place } from './lanes.js';
import { isPassing, outagePauseMs, patience, type Patience } from './patience.js';
import type { Process } from './process.js';
import { Progress } from './progress.js';
import type { ReactingObserver } from './reacting-observer.js';
import { EventReaction, type Acting } from './reaction.js';

export interface ProcessParts {
  readonly process: Process;
  readonly store: EventStore;
  readonly tail: Tail;
  readonly checkpoints: Checkpoints;
  readonly deadLetters: DeadLetters;
  readonly acting: Omit<Acting, 'process' | 'epoch'>;
  readonly observer: ReactingObserver;
  readonly limits: ProcessLimits;
}

export interface ProcessLimits extends Patience {
  /** Reactions under way at once. */
  readonly runningMax: number;
  /** Events held in memory, waiting or under way. */
  readonly unfinishedMax: number;
  /** Events finished ahead of the oldest unfinished one: how many a crash makes come again. */
  readonly aheadMax: number;
  /** Streams with dead letters. With more of them it is not the events that are wrong, and the process waits. */
  readonly blockedMax: number;
  readonly saveMs: number;
  /** How often it looks whether somebody wants dead letters tried again. */
  readonly lettersMs: number;
}

export const processLimits: ProcessLimits = {
  ...patience,
  runningMax: 16,
  unfinishedMax: 2_000,
  aheadMax: 10_000,
  blockedMax: 1_000,
  saveMs: 250,
  lettersMs: 1_000,
};

/**
 * One process for as long as one worker holds its lease.
 *
 * Events of one stream are reacted to in order, different streams side by side. The checkpoint is saved now and then and never
 * passes an unfinished event; what a crash makes come again repeats commands that the ledger knows.
 *
 * An event is *reacting* -> finished. If its reaction fails it is *pausing*, tried again, and after the last try *poisoned*: a
 * letter in a table, behind which the later events of its stream wait as letters, too, while other streams go on.
 */
export class Tenure {
  private readonly process: Process;
  private readonly limits: ProcessLimits;
  /** Streams whose events wait behind a letter, which is in the table. */
  private readonly blocked = new Set<string>();
  /** Letters that are being written: each may block one stream more. */
  private settingAside = 0;
  private readonly lanes: Lanes;
  private readonly acting: Acting;
  private readonly ending = new AbortController();
  private readonly signal: AbortSignal;
  private saved: bigint | undefined;

  private constructor(
    private readonly parts: ProcessParts,
    private readonly lease: Lease,
    private readonly progress: Progress,
  ) {
    this.process = parts.process;
    this.limits = parts.limits;
    this.lanes = new Lanes(this.limits.runningMax);
    this.acting = { ...parts.acting, process: this.process.name, epoch: lease.epoch };
    this.signal = AbortSignal.any([lease.signal, this.ending.signal]);
  }

  /** Resolves when the lease has ended, or when somebody newer took over. */
  static async of(parts: ProcessParts, lease: Lease): Promise<void> {
    const { process } = parts;
    await refuseOtherLog(parts);
    const start = () => (process.startsAt === 'now' ? parts.store.head() : Promise.resolve(0n));
    const position = await parts.checkpoints.claim(process.name, lease.epoch, start);
    if (position === undefined) return;
    await new Tenure(parts, lease, new Progress(position)).run();
  }

  private async run(): Promise<void> {
    for (const { stream } of await this.parts.deadLetters.streams(this.process.name)) this.blocked.add(stream);
    try {
      await Promise.all([this.follow(), this.keepSaving(), this.keepLookingAtLetters()]);
    } finally {
      this.ending.abort();
      await this.lanes.idle();
      await this.save();
    }
  }

  private async follow(): Promise<void> {
    const filter = { types: Object.keys(this.process.on) };
    const batches = this.parts.tail.subscribe({ after: this.progress.position, filter, signal: this.signal });
    for await (const batch of batches) {
      for (const recorded of batch.events) {
        await this.room();
        if (this.signal.aborted) return;
        const finish = this.progress.begin(recorded.position, recorded.id);
        this.lanes.add(recorded.stream, (place) => this.untilFinished(recorded, place, finish));
      }
      this.progress.passed(batch.upTo);
    }
  }

  private async room(): Promise<void> {
    const { unfinishedMax, aheadMax } = this.limits;
    while (!this.signal.aborted && (this.progress.unfinished >= unfinishedMax || this.progress.ahead >= aheadMax)) {
      await this.progress.moved(this.signal);
    }
  }

  /** Finished means: reacted to, or kept as a letter. An event that the end of the lease interrupts is not finished. */
  private async untilFinished(recorded: RecordedEvent, place: Place, finish: () => void): Promise<void> {
    let failures = 0;
    for (let attempt = 1; !this.signal.aborted; attempt += 1) {
      try {
        if (this.blocked.has(recorded.stream)) await this.parts.deadLetters.waiting(this.process.name, recorded);
        else await this.react(recorded, attempt);
        finish();
        return;
      } catch (error) {
        const pauseMs = isPassing(error) ? outagePauseMs(attempt, this.limits) : this.limits.retryMs[failures++];
        if (pauseMs !== undefined || this.blocked.size + this.settingAside >= this.limits.blockedMax) {
          await place.pause(() => this.pause(pauseMs ?? this.limits.outageMsMax));
        } else if (await this.poisoned(recorded, { attempts: attempt, error })) {
          finish();
          return;
        }
      }
    }
  }

  private async react(recorded: RecordedEvent, attempt: number): Promise<void> {
    const { event, position, metadata } = recorded;
    const done = {
      process: this.process.name,
      type: event.type,
      attempt,
      position,
      correlationId: metadata.correlationId,
    };
    try {
      await this.process.on[event.type]?.(event, new EventReaction(this.acting, recorded), recorded);
    } catch (error) {
      this.parts.observer.reactionDone({ ...done, outcome: 'failed', error });
      throw error;
    }
    this.parts.observer.reactionDone({ ...done, outcome: 'done' });
  }

  /** False if the letter could not be written: the event is then tried again, which also tries to write the letter again. */
  private async poisoned(
    recorded: RecordedEvent,
    { attempts, error }: { attempts: number; error: unknown },
  ): Promise<boolean> {
    const { event, stream, position } = recorded;
    const { name } = this.process;
    this.settingAside += 1;
    try {
      await this.parts.deadLetters.poisoned(name, recorded, { ...describeFailure(error, event), attempts });
      this.blocked.add(stream);
    } catch (trouble) {
      this.parts.observer.troubled({ part: `dead letters of ${name}`, error: trouble });
      await this.pause(this.limits.saveMs);
      return false;
    } finally {
      this.settingAside -= 1;
    }
    this.parts.observer.deadLettered({ process: name, type: event.type, stream, position, attempts, error });
    return true;
  }

  private async keepLookingAtLetters(): Promise<void> {
    while (!this.signal.aborted) {
      if (this.blocked.size > 0) await this.orTroubled('dead letters', () => this.lookAtLetters());
      await this.pause(this.limits.lettersMs);
    }
  }

  private async lookAtLetters(): Promise<void> {
    // Before the table is asked: a letter that is written meanwhile would seem to be missing from it.
    const blocked = [...this.blocked];
    const streams = await this.parts.deadLetters.streams(this.process.name);
    const atRest = new Set(streams.filter(({ wanted }) => !wanted).map(({ stream }) => stream));
    for (const stream of blocked) {
      if (atRest.has(stream)) continue;
      this.lanes.add(stream, () => this.orTroubled('dead letters', () => this.retryLetters(stream)));
    }
  }

  /** In the stream's own lane, so that no later event of it can overtake its letters. */
  private async retryLetters(stream: string): Promise<void> {
    const letters = await this.parts.deadLetters.ofStream(this.process.name, stream);
    for (const { position } of letters) {
      if (this.signal.aborted || !(await this.retryLetter(position))) return;
    }
    this.blocked.delete(stream);
  }

  private async retryLetter(position: bigint): Promise<boolean> {
    const { events } = await this.parts.store.readAll({ after: position - 1n, limit: 1 });
    const recorded = events.find((event) => event.position === position);
    if (recorded === undefined)
      throw new Error(`This program does not know the event at position ${String(position)}.`);
    try {
      await this.react(recorded, 1);
    } catch (error) {
      if (isPassing(error)) throw error;
      return !(await this.failedAgain(recorded, error));
    }
    await this.parts.deadLetters.resolved(this.process.name, position);
    return true;
  }

  private async failedAgain({ position, event, stream }: RecordedEvent, error: unknown): Promise<boolean> {
    const { name: process } = this.process;
    const isKept = await this.parts.deadLetters.failedAgain(process, position, describeFailure(error, event));
    if (isKept) this.parts.observer.deadLettered({ process, type: event.type, stream, position, attempts: 1, error });
    return isKept;
  }

  private async keepSaving(): Promise<void> {
    while (!this.signal.aborted) {
      await this.pause(this.limits.saveMs);
      await this.save();
    }
  }

  private async save(): Promise<void> {
    await this.orTroubled('checkpoint', async () => {
      if (this.saved === this.progress.position) return;
      const { position, anchor } = this.progress;
      if (await this.parts.checkpoints.save(this.process.name, this.lease.epoch, position, anchor))
        this.saved = position;
      else this.ending.abort();
    });
  }

  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal }).catch(() => undefined);
  }

  private async orTroubled(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.parts.observer.troubled({ part: `${what} of ${this.process.name}`, error });
    }
  }
}

/** A process that is ahead of its log, or of another log, would leave events out. Rejects with LogReplaced. */
async function refuseOtherLog({ process, checkpoints, store }: ProcessParts): Promise<void> {
  const standing = await checkpoints.standing(process.name);
  if (standing === undefined) return;
  const departure = standing.refused === null ? await logDeparture(store, standing) : undefined;
  const sentence =
    departure === undefined
      ? standing.refused
      : `${process.name}: ${departure} It does not run until somebody says where it is to go on: "chorus processes reset ${process.name} --to POSITION".`;
  if (sentence === null) return;
  await checkpoints.refuse(process.name, sentence);
  throw new LogReplaced(sentence);
}
