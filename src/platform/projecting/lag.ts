import type { EventStore } from '../event-store/event-store.js';
import type { Build, Builds } from './builds.js';
import type { DeadLetters } from './dead-letters.js';
import type { ProgressBoard } from './progress-board.js';
import type { Projection } from './projection.js';

/**
 * How far behind the log each read model is, measured against the log itself and not against what a reader in this process
 * believes to be its end: a reader that stands still must not look up to date.
 */
export class ProjectionLag {
  constructor(
    private readonly projections: readonly Projection[],
    private readonly parts: LagParts,
  ) {}

  async report(): Promise<readonly LagReport[]> {
    const { builds, letters, rebuilds, store } = this.parts;
    const all = await builds.list();
    const counts = await letters.count();
    const stuck = await rebuilds.stuckVersions();
    // Last, so that no position can be ahead of the head that it is compared with by more than what came meanwhile.
    const head = await store.head();
    return Promise.all(
      this.projections.map(async ({ name, version }) => {
        const own = all.filter(({ projection }) => projection === name);
        const live = this.placeOf(own, 'live');
        const position = live?.position ?? 0n;
        const lag = head > position ? Number(head - position) : 0;
        const lagMs = lag === 0 ? 0 : await this.ageOfNext(position);
        const behind = { lag, lagMs, deadLetters: counts.get(name) ?? 0 };
        const building = this.placeOf(own, 'building');
        const here = this.here(name, behind, own);
        // Nobody may be the one to run it, so it is everybody's to say.
        const refused = own.find(({ state }) => state === 'live')?.refused ?? undefined;
        const problem = refused ?? here.problem ?? stuck.get(name);
        return { projection: name, version, live, building, ...behind, ...here, problem };
      }),
    );
  }

  /** The board knows of events that the checkpoint has not been told yet because there was nothing to write. */
  private placeOf(builds: readonly Build[], state: Build['state']): Place | undefined {
    const build = builds.find((each) => each.state === state);
    if (build === undefined) return undefined;
    const standing = this.parts.board.of(build.projection);
    const known = standing?.build?.build === build.build ? standing.position : 0n;
    return { version: build.version, position: known > build.position ? known : build.position };
  }

  private here(
    name: string,
    behind: Behind,
    builds: readonly Build[],
  ): Pick<LagReport, 'runsHere' | 'isPaused' | 'problem'> {
    const standing = this.parts.board.of(name);
    const live = builds.find(({ state }) => state === 'live');
    const isPaused = (live?.pausedAt ?? null) !== null;
    const still = isPaused ? undefined : stalled(name, behind, standing?.movedAtMs);
    return {
      runsHere: standing?.build !== undefined,
      isPaused,
      problem: standing?.problem?.sentence ?? still,
    };
  }

  /** How long the oldest event that is missing has been in the log. */
  private async ageOfNext(position: bigint): Promise<number> {
    const { events } = await this.parts.store.readAll({ after: position, limit: 1 });
    const [next] = events;
    return next === undefined ? 0 : Math.max(0, Date.now() - next.recordedAt.getTime());
  }
}

export interface LagReport {
  readonly projection: string;
  /** Of the code of this process. */
  readonly version: number;
  readonly live: Place | undefined;
  readonly building: Place | undefined;
  /** Positions of the log that are not in the rows yet. */
  readonly lag: number;
  readonly lagMs: number;
  readonly deadLetters: number;
  readonly runsHere: boolean;
  /** Somebody has paused it: then it is behind on purpose. */
  readonly isPaused: boolean;
  /** A sentence for whoever operates this. */
  readonly problem: string | undefined;
}

export interface LagParts {
  readonly store: EventStore;
  readonly builds: Builds;
  readonly letters: DeadLetters;
  readonly board: ProgressBoard;
  readonly rebuilds: StuckVersions;
}

/** What keeps the build of this program's version from being read, by projection. */
interface StuckVersions {
  stuckVersions(): Promise<ReadonlyMap<string, string>>;
}

type Behind = Pick<LagReport, 'lag' | 'lagMs'>;

interface Place {
  readonly version: number;
  readonly position: bigint;
}

const stalledMsMax = 30_000;

/** Slow is not stalled: it says so only of a projection that has not moved at all while newer events were there. */
function stalled(name: string, { lag, lagMs }: Behind, movedAtMs: number | undefined): string | undefined {
  if (lag === 0 || lagMs < stalledMsMax) return undefined;
  const stillMs = movedAtMs === undefined ? lagMs : performance.now() - movedAtMs;
  if (stillMs < stalledMsMax) return undefined;
  return `${name}: it has not moved for ${String(Math.round(stillMs / 1_000))} s although there are ${String(lag)} newer events.`;
}
