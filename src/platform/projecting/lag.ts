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
    const { builds, letters, store } = this.parts;
    const all = await builds.list();
    const counts = await letters.count();
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
        return {
          projection: name,
          version,
          live,
          building: this.placeOf(own, 'building'),
          ...behind,
          ...this.here(name, lag, lagMs),
        };
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

  private here(name: string, lag: number, lagMs: number): Pick<LagReport, 'runsHere' | 'problem'> {
    const standing = this.parts.board.of(name);
    return {
      runsHere: standing?.build !== undefined,
      problem: standing?.problem?.sentence ?? stalled(name, lag, lagMs, standing?.movedAtMs),
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
  /** A sentence for whoever operates this. */
  readonly problem: string | undefined;
}

export interface LagParts {
  readonly store: EventStore;
  readonly builds: Builds;
  readonly letters: DeadLetters;
  readonly board: ProgressBoard;
}

interface Place {
  readonly version: number;
  readonly position: bigint;
}

const stalledMsMax = 30_000;

/** Slow is not stalled: it says so only of a projection that has not moved at all while newer events were there. */
function stalled(name: string, lag: number, lagMs: number, movedAtMs: number | undefined): string | undefined {
  if (lag === 0 || lagMs < stalledMsMax) return undefined;
  const stillMs = movedAtMs === undefined ? lagMs : performance.now() - movedAtMs;
  if (stillMs < stalledMsMax) return undefined;
  return `${name}: it has not moved for ${String(Math.round(stillMs / 1_000))} s although there are ${String(lag)} newer events.`;
}
