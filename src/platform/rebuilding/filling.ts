import type { Database } from '../database/database.js';
import type { RecordedEvent } from '../event-store/event-store.js';
import { BatchWriter } from '../projecting/batch-writer.js';
import { BuildRows, buildColumns, type Build } from '../projecting/builds.js';
import { describeFailure, isDataError } from '../projecting/failure.js';
import { FoldFailed } from '../projecting/fold.js';
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

  private constructor(
    within: Querying,
    readonly projection: Projection,
    private build: Build,
  ) {
    this.writer = new BatchWriter({ pool: within }, projection);
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
  private async write(events: readonly RecordedEvent[], upTo: bigint): Promise<void> {
    try {
      const moved = await this.writer.write(this.build, { events, upTo });
      if (!moved) throw new RebuilderReplaced(-this.build.epoch);
      this.build = { ...this.build, position: upTo };
    } catch (error) {
      if (error instanceof FoldFailed) throw new PoisonStopsRebuild(this.build, error.recorded, error.cause);
      const [first, second] = events;
      if (!isDataError(error) || first === undefined) throw error;
      if (second === undefined) throw new PoisonStopsRebuild(this.build, first, error);
      const middle = events.length >> 1;
      await this.write(events.slice(0, middle), events[middle - 1]?.position ?? this.position);
      await this.write(events.slice(middle), upTo);
    }
  }
}

interface FillingOrder {
  readonly build: string;
  readonly epoch: number;
}

/** A build that nobody reads yet has no reason to go on without an event. */
export class PoisonStopsRebuild extends Error {
  override readonly name = 'PoisonStopsRebuild';
  constructor({ projection, version }: Build, { position, event }: RecordedEvent, cause: unknown) {
    const { error, message } = describeFailure(cause, event);
    super(
      `${projection}: the build of version ${String(version)} stopped at position ${String(position)} (${event.type}): ${error}: ${message}`,
    );
  }
}
