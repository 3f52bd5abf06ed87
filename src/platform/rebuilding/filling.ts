import type { Database } from '../database/database.js';
import type { LogPage, RecordedEvent } from '../event-store/event-store.js';
import { BatchWriter } from '../projecting/batch-writer.js';
import { BuildRows, buildColumns, type Build } from '../projecting/builds.js';
import { describeFailure, isDataError } from '../projecting/failure.js';
import { DeadLetters, type NewLetter } from '../projecting/dead-letters.js';
import { FoldFailed, type Folding } from '../projecting/fold.js';
import type { Projection } from '../projecting/projection.js';
import type { Querying } from '../projecting/read-rows.js';
import { RebuilderReplaced } from './rebuilds.js';

/**
 * Writes a build that nobody reads yet, page by page or many pages together, each time with the checkpoint in one statement. So
 * there is nothing to repair after a kill: the next rebuilder goes on behind what was written last.
 *
 * Together is better, because most rows change in many pages; what waits in memory is bounded. The next pages are folded while
 * the database writes. If an event turns out to be impossible, all that waited is forgotten and has to be taken again: then page
 * by page, which finds the event.
 */
export class Filling {
  private readonly writer: BatchWriter;
  private readonly letters: DeadLetters;
  private held: Held | undefined;
  private storing: Storing | undefined;
  private isCareful = false;

  private constructor(
    within: Querying,
    readonly projection: Projection,
    private build: Build,
    private readonly holdMax: HoldMax = mostHeld,
  ) {
    this.writer = new BatchWriter({ pool: within }, projection);
    this.letters = new DeadLetters({ pool: within });
  }

  /** Takes the build over from the rebuilder before, whose page under way is waited for, and counted. Rejects with RebuilderReplaced. */
  static async of(database: Pick<Database, 'pool'>, projection: Projection, order: FillingOrder): Promise<Filling> {
    const { rows } = await database.pool.query(
      `update projecting.builds set epoch = $2 where build = $1 and state = 'building' and (epoch = 0 or epoch >= $2)
       returning ${buildColumns}`,
      [order.build, -order.epoch],
    );
    const [build] = BuildRows.parse(rows);
    if (build === undefined) throw new RebuilderReplaced(order.epoch);
    return new Filling(database.pool, projection, build, order.holdMax);
  }

  /** Writes as whoever the row of this build, which the caller has locked, says is its writer. */
  static locked(within: Querying, projection: Projection, build: Build): Filling {
    return new Filling(within, projection, build);
  }

  get position(): bigint {
    return this.build.position;
  }

  get schema(): string {
    return this.build.schema;
  }

  get types(): readonly string[] {
    return Object.keys(this.projection.when);
  }

  /**
   * What it has already and what it doesn't take is left out. Answers how many events were written meanwhile: none when they are
   * held, which only happens before the target. Rejects with PoisonStopsRebuild and TakeAgain.
   */
  async take({ events, scannedTo }: LogPage, { target = scannedTo, holds = false }: Taking = {}): Promise<number> {
    const to = scannedTo < target ? scannedTo : target;
    if (to <= this.taken) return 0;
    const fresh = this.fresh(events, to);
    const mayWait = holds && to < target && !this.isCareful;
    if (mayWait || this.taken > this.position) return this.takeTogether(fresh, to, mayWait);
    await this.write(fresh, to);
    return fresh.length;
  }

  private get taken(): bigint {
    return this.held?.upTo ?? this.storing?.upTo ?? this.position;
  }

  /** Positions are compared only where a page is not taken whole: this is done for every event of the log. */
  private fresh(events: readonly RecordedEvent[], to: bigint): readonly RecordedEvent[] {
    const { when } = this.projection;
    const { taken } = this;
    const [first, last] = [events[0], events.at(-1)];
    const isWhole = first !== undefined && last !== undefined && first.position > taken && last.position <= to;
    const inRange = isWhole ? events : events.filter(({ position }) => position > taken && position <= to);
    return inRange.filter(({ event }) => when[event.type] !== undefined);
  }

  private async takeTogether(events: readonly RecordedEvent[], upTo: bigint, mayWait: boolean): Promise<number> {
    try {
      const held = await this.hold(events, upTo);
      if (mayWait && held.folding.size < this.holdMax.rows && held.count < this.holdMax.events) return 0;
      const before = await this.stored();
      this.storing = { upTo, folding: held.folding, done: this.store(held) };
      this.held = undefined;
      return mayWait ? before : before + (await this.stored());
    } catch (error) {
      this.held = undefined;
      this.storing = undefined;
      if (!(error instanceof FoldFailed) && !isDataError(error)) throw error;
      this.isCareful = true;
      throw new TakeAgain('What was folded together cannot be stored.', { cause: error });
    }
  }

  private async hold(events: readonly RecordedEvent[], upTo: bigint): Promise<Held> {
    const held = (this.held ??= { folding: this.writer.begin(), count: 0, last: undefined, upTo: this.taken });
    await this.writer.fold(this.build, held.folding, { events, earlier: this.storing });
    held.count += events.length;
    held.last = events.at(-1) ?? held.last;
    held.upTo = upTo;
    return held;
  }

  /** Waits for the write under way, if there is one, and answers how many events it had. */
  private async stored(): Promise<number> {
    const count = (await this.storing?.done) ?? 0;
    this.storing = undefined;
    return count;
  }

  private store({ folding, last, count, upTo }: Held): Promise<number> {
    const done = this.writer
      .store(this.build, folding, { events: last === undefined ? [] : [last], upTo })
      .then((isMoved) => {
        this.moved(isMoved, upTo);
        return count;
      });
    // Whoever takes the next page hears of it.
    done.catch(() => undefined);
    return done;
  }

  private moved(isMoved: boolean, upTo: bigint): void {
    if (!isMoved) throw new RebuilderReplaced(-this.build.epoch);
    this.build = { ...this.build, position: upTo };
  }

  /** An event whose fold throws names itself; one whose rows PostgreSQL refuses is found by halving. */
  private async write(
    events: readonly RecordedEvent[],
    upTo: bigint,
    letters: readonly NewLetter[] = [],
  ): Promise<void> {
    try {
      this.moved(await this.writer.write(this.build, { events, upTo, letters }), upTo);
    } catch (error) {
      const poison = poisonIn(events, error);
      if (poison !== undefined) {
        const letter = await this.decided(poison);
        const others = events.filter((recorded) => recorded !== poison.recorded);
        await this.write(others, upTo, [...letters, letter]);
        return;
      }
      if (!isDataError(error) || events.length === 0) throw error;
      const middle = events.length >> 1;
      const half = events[middle - 1]?.position ?? this.position;
      const isEarly = ({ position }: NewLetter): boolean => position <= half;
      await this.write(events.slice(0, middle), half, letters.filter(isEarly));
      await this.write(
        events.slice(middle),
        upTo,
        letters.filter((letter) => !isEarly(letter)),
      );
    }
  }

  /** The letter of an event that this build can do without, because the live one does. Rejects with PoisonStopsRebuild. */
  private async decided({ recorded, cause }: Poison): Promise<NewLetter> {
    const { position, id, stream, event } = recorded;
    const letter = await this.letters.decided(this.projection.name, position);
    const { skipBy: by = null, skipReason: reason = null } = letter ?? {};
    if (letter === undefined || by === null || reason === null) {
      throw new PoisonStopsRebuild(this.build, recorded, cause);
    }
    const about = { position, event_id: id, stream, key: letter.key, type: event.type };
    return { ...about, ...describeFailure(cause, event), state: 'resolved', skipped: { by, reason } };
  }
}

interface Poison {
  readonly recorded: RecordedEvent;
  readonly cause: unknown;
}

/** Undefined when it is another error, or one that any of several events may be to blame for. */
function poisonIn(events: readonly RecordedEvent[], error: unknown): Poison | undefined {
  if (error instanceof FoldFailed) return { recorded: error.recorded, cause: error.cause };
  const [first, second] = events;
  if (first === undefined || second !== undefined || !isDataError(error)) return undefined;
  return { recorded: first, cause: error };
}

/** What is folded and not written yet. */
interface Held {
  readonly folding: Folding;
  count: number;
  last: RecordedEvent | undefined;
  upTo: bigint;
}

/** A write under way, and what it changes. */
interface Storing {
  readonly upTo: bigint;
  readonly folding: Folding;
  readonly done: Promise<number>;
}

/** How much is folded before it is written. */
interface HoldMax {
  readonly rows: number;
  readonly events: number;
}

/** Some tens of megabytes, and a few seconds, which a kill may cost. */
const mostHeld: HoldMax = { rows: 50_000, events: 100_000 };

interface Taking {
  /** Nothing beyond is taken, and what was held is written there. */
  readonly target?: bigint;
  /** Whether it may wait for later pages. */
  readonly holds?: boolean;
}

/** Everything behind the position of the build. */
export class TakeAgain extends Error {
  override readonly name = 'TakeAgain';
}

interface FillingOrder {
  readonly build: string;
  readonly epoch: number;
  readonly holdMax?: HoldMax;
}

/** A build that nobody reads yet has no reason to go on without an event, but that somebody decided so. */
export class PoisonStopsRebuild extends Error {
  override readonly name = 'PoisonStopsRebuild';
  constructor({ projection, version }: Build, { position, event }: RecordedEvent, cause: unknown) {
    const { error, message } = describeFailure(cause, event);
    super(
      `${projection}: the build of version ${String(version)} stopped at position ${String(position)} (${event.type}): ${error}: ${message}`,
    );
  }
}
