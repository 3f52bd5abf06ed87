import type { Database } from '../database/database.js';
import type { EventStore } from '../event-store/event-store.js';
import { Builds, type Build } from '../projecting/builds.js';
import { Continuity } from '../projecting/continuity.js';
import type { Projection } from '../projecting/projection.js';
import { Filling } from './filling.js';
import { Pace } from './pace.js';
import type { PlanParts } from './plan.js';
import type { Rebuild } from './rebuild.js';
import type { Change, Held, Rebuilds } from './rebuilds.js';
import { replay, type Replayed } from './replay.js';

/** One rebuild in the hands of the rebuilder, as its row was a moment ago, and what every step needs of it. */
export class Task {
  readonly builds: Builds;
  /** Whether it came to another state, so that there is a next step to look for. */
  hasMoved = false;

  constructor(
    readonly rebuild: Rebuild,
    readonly projection: Projection,
    readonly held: Held,
    readonly parts: TaskParts,
  ) {
    this.builds = new Builds(parts.database);
  }

  /** Neither stopped by a problem nor paused, and for this program. */
  get goesOn(): boolean {
    const { problem, pausedAt, version } = this.rebuild;
    return problem === null && pausedAt === null && version === this.projection.version;
  }

  async say(change: Change): Promise<void> {
    await this.parts.rebuilds.change(this.held, change);
    this.hasMoved ||= change.state !== undefined;
  }

  async at(step: RebuildStep, signal: AbortSignal): Promise<void> {
    await this.parts.hooks?.at?.(step, this.rebuild);
    signal.throwIfAborted();
  }

  async live(): Promise<Build | undefined> {
    const all = await this.builds.list();
    return all.find(({ projection, state }) => projection === this.projection.name && state === 'live');
  }

  /**
   * How far the new build may come: never further than the live one, so that there is a position at which both can be compared.
   * A live build of another log is no measure.
   */
  async target(): Promise<bigint> {
    const live = await this.live();
    return live?.refused === null ? live.position : this.parts.store.head();
  }

  /** The new build, with us as its only writer. Rejects with RebuilderReplaced, and with LogReplaced. */
  async filling(): Promise<Filling> {
    const { database, rebuilds, store } = this.parts;
    const build = this.rebuild.build ?? (await rebuilds.find(this.rebuild.rebuild))?.build;
    if (build === undefined || build === null)
      throw new TypeError(`${this.projection.name}: its new build is missing.`);
    await new Continuity(database, store).ensure({ build, projection: this.projection.name });
    return Filling.of(database, this.projection, { build, epoch: this.held.epoch });
  }

  replayed(filling: Filling, target: bigint): Replayed {
    let { events } = this.rebuild;
    let since = performance.now();
    return {
      filling,
      target,
      onPage: async (written) => {
        if (written > 0) {
          const ms = Math.max(1, performance.now() - since);
          since += ms;
          events += written;
          await this.say({ events, events_per_s: (written * 1_000) / ms });
        }
        await this.parts.hooks?.at?.('page', this.rebuild);
        const now = await this.parts.rebuilds.find(this.rebuild.rebuild);
        return now?.pausedAt === null && now.request !== 'abort';
      },
      onPoison: (poison) => this.say({ problem: poison.message }),
    };
  }

  /** False when a problem, a pause or an abort cut it short, which is then in the row. */
  async bring(filling: Filling, target: bigint, signal: AbortSignal): Promise<boolean> {
    const { store } = this.parts;
    const order = { store, pace: new Pace(store), eventsPerSMax: this.rebuild.throttle, signal };
    await replay([this.replayed(filling, target)], order);
    signal.throwIfAborted();
    return filling.position >= target;
  }
}

export interface TaskParts extends PlanParts {
  readonly database: Pick<Database, 'pool'>;
  readonly store: EventStore;
  readonly rebuilds: Rebuilds;
  /** How long the previous build is kept up to date after a switch. */
  readonly graceMs: number;
  readonly hooks?: RebuildHooks;
}

export type RebuildStep =
  'begun' | 'page' | 'caught_up' | 'indexed' | 'verified' | 'switching' | 'committing' | 'rolling_back' | 'retiring';

/** Where tests stop a rebuild. */
export interface RebuildHooks {
  readonly at?: (step: RebuildStep, rebuild: Rebuild) => Promise<void> | void;
}
