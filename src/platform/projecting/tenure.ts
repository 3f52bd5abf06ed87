import type { EventStore, RecordedEvent } from '../event-store/event-store.js';
import type { TailBatch } from '../event-store/tail.js';
import type { BatchWriter, FoldBatch } from './batch-writer.js';
import type { Build } from './builds.js';
import type { DeadLetter, DeadLetters, NewLetter } from './dead-letters.js';
import { describeFailure, isDataError } from './failure.js';
import { FoldFailed } from './fold.js';
import type { ProgressBoard } from './progress-board.js';
import type { Projection } from './projection.js';

/**
 * What one owner knows while it writes a build: where the checkpoint is, how far it has looked beyond it, and which keys wait
 * behind a dead letter. Nobody else writes the build meanwhile, so all of it stays true from batch to batch.
 */
export class Tenure {
  /** Everything up to here was looked at. Ahead of the checkpoint while there was nothing to write. */
  private scanned: bigint;
  private blocked: ReadonlySet<string> = new Set();
  private unresolved = 0;
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly projection: Projection,
    private readonly parts: TenureParts,
    private build: Build,
  ) {
    this.scanned = build.position;
  }

  async begin(): Promise<void> {
    await this.readLetters();
    this.parts.board.entered(this.projection.name, this.build);
  }

  take(batch: TailBatch): Promise<void> {
    return this.alone(() => this.takeNow(batch));
  }

  /** What can wait a moment: telling other processes the position, and trying dead letters again when asked. */
  chores(): Promise<void> {
    return this.alone(() => this.choresNow());
  }

  flush(): Promise<void> {
    return this.alone(() => this.flushNow());
  }

  private async takeNow({ events, upTo }: TailBatch): Promise<void> {
    if (events.length > 0) await this.project(events, upTo);
    this.scanned = upTo;
    this.parts.board.moved(this.projection.name, this.build, upTo, events.length);
  }

  private async choresNow(): Promise<void> {
    await this.flushNow();
    if (this.unresolved === 0) return;
    for (const letter of await this.parts.letters.requested(this.build.build)) await this.retry(letter);
  }

  /** A row per batch of somebody else's events would cost every idle projection a write per append. */
  private async flushNow(): Promise<void> {
    if (this.scanned > this.build.position) await this.write({ events: [], upTo: this.scanned });
  }

  /**
   * Writes all of it, leaving out what cannot be taken. An event whose fold throws names itself; one whose rows PostgreSQL
   * refuses is found by halving.
   */
  private async project(events: readonly RecordedEvent[], upTo: bigint): Promise<void> {
    let sorted = this.sortOut(events);
    for (;;) {
      try {
        await this.write({ events: sorted.events, upTo, letters: sorted.letters });
        if (sorted.letters.length > 0) await this.readLetters();
        return;
      } catch (error) {
        const failed = error instanceof FoldFailed ? error : refusedAlone(sorted.events, error);
        if (failed === undefined) {
          await this.projectHalves(events, upTo);
          return;
        }
        sorted = this.without(sorted, failed);
      }
    }
  }

  private async projectHalves(events: readonly RecordedEvent[], upTo: bigint): Promise<void> {
    const middle = events.length >> 1;
    await this.project(events.slice(0, middle), events[middle - 1]?.position ?? this.build.position);
    await this.project(events.slice(middle), upTo);
  }

  private sortOut(events: readonly RecordedEvent[]): Sorted {
    if (this.blocked.size === 0) return { events, letters: [] };
    const isBlocked = (recorded: RecordedEvent): boolean => this.blocked.has(this.keyOf(recorded));
    return {
      events: events.filter((recorded) => !isBlocked(recorded)),
      letters: this.bounded(events.filter(isBlocked).map((recorded) => this.letter(recorded))),
    };
  }

  private without({ events, letters }: Sorted, { recorded: poison, cause }: FoldFailed): Sorted {
    const key = this.keyOf(poison);
    const waits = (recorded: RecordedEvent): boolean =>
      recorded.position > poison.position && this.keyOf(recorded) === key;
    return {
      events: events.filter((recorded) => recorded !== poison && !waits(recorded)),
      letters: this.bounded([
        ...letters,
        this.letter(poison, cause),
        ...events.filter(waits).map((recorded) => this.letter(recorded)),
      ]),
    };
  }

  private letter(recorded: RecordedEvent, ...cause: readonly [unknown?]): NewLetter {
    const { position, id, stream, event } = recorded;
    const failure = cause.length === 0 ? { error: null, message: null } : describeFailure(cause[0], event);
    const state = cause.length === 0 ? 'waiting' : 'poisoned';
    return { position, event_id: id, stream, key: this.keyOf(recorded), type: event.type, state, ...failure };
  }

  private bounded(letters: readonly NewLetter[]): readonly NewLetter[] {
    if (this.unresolved + letters.length <= this.parts.lettersMax) return letters;
    throw new TooManyDeadLetters(this.projection.name, this.parts.lettersMax);
  }

  /** The letter's event, then those that wait behind it, each by itself, until one fails or all are done. */
  private async retry({ key }: DeadLetter): Promise<void> {
    const { letters } = this.parts;
    for (const { key: other, position, state } of await letters.unresolved(this.build.build)) {
      if (other !== key) continue;
      if (state === 'skipping') {
        await letters.skipped(this.build.build, this.build.epoch, position);
        continue;
      }
      const failure = await this.retryOne(position);
      if (failure === undefined) continue;
      await letters.failedAgain(this.build.build, this.build.epoch, position, failure);
      break;
    }
    await this.readLetters();
  }

  private async retryOne(position: bigint): Promise<ReturnType<typeof describeFailure> | undefined> {
    const { events } = await this.parts.store.readAll({ after: position - 1n, limit: 1 });
    const [recorded] = events;
    if (recorded?.position !== position)
      return { error: 'UnknownType', message: 'The program no longer knows this event.' };
    try {
      await this.write({ events: [recorded], upTo: this.build.position, retries: position });
      return undefined;
    } catch (error) {
      const failed = error instanceof FoldFailed ? error : refusedAlone([recorded], error);
      return describeFailure(failed?.cause, recorded.event);
    }
  }

  private async write(batch: FoldBatch): Promise<void> {
    const moved = await this.parts.writer.write(this.build, batch);
    if (!moved) throw new WriterReplaced(this.projection.name, this.build.epoch);
    this.build = { ...this.build, position: batch.upTo };
  }

  /** One thing after the other: each begins with the checkpoint where the one before left it. */
  private alone(work: () => Promise<void>): Promise<void> {
    const done = this.last.then(work);
    this.last = done.catch(() => undefined);
    return done;
  }

  private async readLetters(): Promise<void> {
    const letters = await this.parts.letters.unresolved(this.build.build);
    this.unresolved = letters.length;
    this.blocked = new Set(letters.map(({ key }) => key));
  }

  /** As PostgreSQL can store it, so that it is still the same key when it comes back from there. */
  private keyOf(recorded: RecordedEvent): string {
    return Buffer.from(this.givenKeyOf(recorded)).toString().replaceAll('\0', '\uFFFD');
  }

  private givenKeyOf(recorded: RecordedEvent): string {
    try {
      return this.projection.keyOf?.(recorded.event, recorded) ?? recorded.stream;
    } catch {
      // An event that its fold cannot take may be too broken to have a key. Its stream it always has.
      return recorded.stream;
    }
  }
}

export interface TenureParts {
  readonly store: EventStore;
  readonly letters: DeadLetters;
  readonly writer: BatchWriter;
  readonly board: Pick<ProgressBoard, 'entered' | 'moved'>;
  /** Unresolved dead letters of one projection before it stops: that many are no longer exceptions. */
  readonly lettersMax: number;
}

interface Sorted {
  readonly events: readonly RecordedEvent[];
  readonly letters: readonly NewLetter[];
}

/** Undefined when the culprit is among several. Errors that are not about the data are thrown on. */
function refusedAlone(events: readonly RecordedEvent[], error: unknown): FoldFailed | undefined {
  const [recorded, another] = events;
  if (!isDataError(error) || recorded === undefined) throw error;
  return another === undefined ? new FoldFailed(recorded, error) : undefined;
}

/** Another process writes this build now, or the build is no longer written. */
export class WriterReplaced extends Error {
  override readonly name = 'WriterReplaced';
  constructor(projection: string, epoch: number) {
    super(`${projection}: the owner with epoch ${String(epoch)} was replaced.`);
  }
}

export class TooManyDeadLetters extends Error {
  override readonly name = 'TooManyDeadLetters';
  constructor(projection: string, lettersMax: number) {
    super(`${projection}: stopped, because more than ${String(lettersMax)} events could not be applied.`);
  }
}
