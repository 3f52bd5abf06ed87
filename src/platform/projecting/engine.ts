import type { Database } from '../database/database.js';
import type { EventStore } from '../event-store/event-store.js';
import type { Tail } from '../event-store/tail.js';
import type { Hold, Leases } from '../leasing/lease.js';
import { BatchWriter, type WriterHooks } from './batch-writer.js';
import { Continuity } from './continuity.js';
import { Builds } from './builds.js';
import { DeadLetters } from './dead-letters.js';
import type { ProgressBoard } from './progress-board.js';
import type { Projection } from './projection.js';
import { ProjectionRefused } from './projection-refused.js';
import { Projector } from './projector.js';
import { isStorableName } from './table.js';

/**
 * Runs every projection that this worker gets the lease of.
 *
 * A lease is per projection and version: while an old and a new program run side by side, each keeps the build of its own
 * version moving.
 */
export class ProjectionEngine {
  private readonly builds: Builds;
  private holds: readonly Hold[] = [];

  constructor(
    private readonly projections: readonly Projection[],
    private readonly parts: EngineParts,
  ) {
    refuseAmbiguous(projections);
    this.builds = new Builds(parts.database);
  }

  /** When it resolves, every read model can be asked, even if its projection has not begun to run. */
  async start(): Promise<void> {
    for (const projection of this.projections) await this.open(projection);
    this.holds = this.projections.map((projection) => {
      const projector = this.projectorOf(projection);
      return this.parts.leases.hold(leaseOf(projection), (lease) => projector.run(lease));
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.holds.map((hold) => hold.stop()));
  }

  private async open(projection: Projection): Promise<void> {
    try {
      await this.builds.open(projection);
    } catch (error) {
      // One projection that must not run doesn't stop the others.
      if (!(error instanceof ProjectionRefused)) throw error;
      this.parts.board.failed(projection.name, error.message);
    }
  }

  private projectorOf(projection: Projection): Projector {
    const { database, store, tail, board, lettersMax = 1_000, hooks = {} } = this.parts;
    return new Projector(projection, {
      store,
      tail,
      board,
      lettersMax,
      builds: this.builds,
      continuity: new Continuity(database, store),
      letters: new DeadLetters(database),
      writer: new BatchWriter(database, projection, hooks),
      onNewVersion: this.parts.onNewVersion ?? (() => Promise.resolve()),
      onFailure: this.parts.onFailure ?? (() => undefined),
    });
  }
}

export interface EngineParts {
  readonly database: Pick<Database, 'pool'>;
  readonly store: EventStore;
  readonly tail: Tail;
  readonly leases: Leases;
  readonly board: ProgressBoard;
  readonly lettersMax?: number;
  readonly hooks?: WriterHooks;
  /** The live build is of an older version: somebody has to make the build of this one. Called again and again until it is there. */
  readonly onNewVersion?: (projection: Projection) => Promise<void>;
  readonly onFailure?: (projection: string, error: unknown) => void;
}

function leaseOf({ name, version }: Projection): string {
  return `projection ${name} v${String(version)}`;
}

/** Names of projections become schemas, names of tables become views that all projections share. */
function refuseAmbiguous(projections: readonly Projection[]): void {
  const names = projections.map(({ name }) => name);
  const tables = projections.flatMap((projection) => Object.values(projection.tables).map(({ name }) => name));
  for (const [what, all] of [['projections', names] as const, ['tables', tables] as const]) {
    const twice = all.find((name, at) => all.indexOf(name) !== at);
    if (twice !== undefined) throw new TypeError(`Two ${what} are called ${twice}.`);
  }
  for (const { name, version } of projections) {
    if (!isStorableName(name)) throw new TypeError(`"${name}" is not a name in lower case with underscores.`);
    if (!Number.isInteger(version) || version < 1) throw new TypeError(`The version of ${name} must be 1 or more.`);
  }
}
