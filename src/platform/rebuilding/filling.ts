import type { Database } from '../database/database.js';
import type { RecordedEvent } from '../event-store/event-store.js';
import { BatchWriter } from '../projecting/batch-writer.js';
import { BuildRows, buildColumns, type Build } from '../projecting/builds.js';
import { describeFailure, isDataError } from '../projecting/failure.js';
import { FoldFailed } from '../projecting/fold.js';
import { DeadLetters, type NewLetter } from '../projecting/dead-letters.js';
import type { Projection } from '../projecting/projection.js';
import type { Querying } from '../projecting/read-rows.js';
import type { ReadPage } from './log-pages.js';
import { RebuilderReplaced } from './rebuilds.js';

/**
 * Writes a build that nobody reads yet, page by page, each with its checkpoint in one statement. So there is nothing to repair
 * after a kill: the next rebuilder goes on behind the last page that was written.
 */
export class Filling {
  private readonly writer: BatchWriter;
  private readonly letters: DeadLetters;

  private constructor(
    within: Querying,
    readonly projection: Projection,
    private build: Build,
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
    return new Filling(database.pool, projection, build);
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

  /** What it has already and what it doesn't take is left out. Answers how many events were new. Rejects with PoisonStopsRebuild. */
  async take({ events, upTo }: ReadPage, target: bigint = upTo): Promise<number> {
    const to = upTo < target ? upTo : target;
    if (to <= this.position) return 0;
    const { when } = this.projection;
    const { position: from } = this;
    const fresh = events.filter(
      ({ position, event }) => position > from && position <= to && when[event.type] !== undefined,
    );
    await this.write(fresh, to);
    return fresh.length;
  }

  /** An event whose fold throws names itself; one whose rows PostgreSQL refuses is found by halving. */
  private async write(
    events: readonly RecordedEvent[],
    upTo: bigint,
    letters: readonly NewLetter[] = [],
  ): Promise<void> {
    try {
      const moved = await this.writer.write(this.build, { events, upTo, letters });
      if (!moved) throw new RebuilderReplaced(-this.build.epoch);
      this.build = { ...this.build, position: upTo };
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

interface FillingOrder {
  readonly build: string;
  readonly epoch: number;
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
