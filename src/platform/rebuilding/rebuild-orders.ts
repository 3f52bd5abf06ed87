import type { Builds, Build } from '../projecting/builds.js';
import type { Projection } from '../projecting/projection.js';
import { ExpectedDifferenceRefused } from '../proving/expected-differences.js';
import { expectedOfEach } from './expected-of-each.js';
import { planOf, type PlanParts } from './plan.js';
import { isUnfinished, type Plan, type Rebuild } from './rebuild.js';
import type { Rebuilds } from './rebuilds.js';

/**
 * What an operator may ask for, from a terminal or over HTTP. Each is written into the rebuild's row and carried out by
 * whoever holds the lease; refused, in a sentence, where it makes no sense. All reject with OrderRefused.
 */
export class RebuildOrders {
  constructor(
    private readonly projections: readonly Projection[],
    private readonly parts: OrdersParts,
  ) {}

  async standing(): Promise<readonly Standing[]> {
    const [builds, rebuilds] = await Promise.all([this.parts.builds.list(), this.parts.rebuilds.list()]);
    return this.projections.map((projection) => {
      const own = builds.filter((build) => build.projection === projection.name);
      return {
        projection: projection.name,
        version: projection.version,
        live: own.find(({ state }) => state === 'live'),
        previous: own.find(({ state }) => state === 'previous'),
        rebuild: rebuilds.findLast((rebuild) => rebuild.projection === projection.name),
      };
    });
  }

  async standingOf(name: string): Promise<Standing> {
    this.known(name);
    const standing = (await this.standing()).find(({ projection }) => projection === name);
    if (standing === undefined) throw unknown(name, this.projections);
    return standing;
  }

  async plan(name: string): Promise<Plan> {
    return planOf(this.parts.planning, this.known(name));
  }

  /** One pass over the log for all of them. */
  async rebuild(names: readonly string[], order: RebuildOrder): Promise<readonly Rebuild[]> {
    const projections = [...new Set(names)].map((name) => this.known(name));
    for (const { name, version } of projections) {
      const { rebuild, live } = await this.standingOf(name);
      if (rebuild !== undefined && isUnfinished(rebuild))
        throw new OrderRefused(
          `${name} is being rebuilt already (${rebuild.state}): follow it with "status ${name}", or abort it first.`,
        );
      if (rebuild !== undefined && rebuild.request !== null)
        throw new OrderRefused(`${name}: somebody asked for a ${rebuild.request} that is not done yet.`);
      if (live === undefined)
        throw new OrderRefused(`${name} has no live build yet: the first one is made when a worker starts.`);
      if (live.version > version)
        throw new OrderRefused(
          `${name}: version ${String(live.version)} is live, and this program has version ${String(version)}.`,
        );
    }
    const expected = await this.expected(projections, order.expected);
    const added = await this.parts.rebuilds.add(projections, { ...order, expected, reason: 'asked' });
    if (added.length < projections.length) throw new OrderRefused('Somebody else has just asked for one of them.');
    return added;
  }

  /** Compares again, at the position where the live build is by then. */
  async verify(name: string): Promise<Rebuild> {
    const rebuild = await this.unfinished(name);
    if (!['verifying', 'ready'].includes(rebuild.state))
      throw new OrderRefused(
        `${name} cannot be compared yet: its new build is still ${rebuild.state.replace('_', ' ')}.`,
      );
    return this.ask(rebuild, 'verify');
  }

  async switch(name: string, expected: readonly string[] = []): Promise<Rebuild> {
    const rebuild = await this.unfinished(name);
    await this.expected([this.known(name)], expected);
    return this.ask(rebuild, 'switch', expected);
  }

  async rollback(name: string): Promise<Rebuild> {
    const { rebuild, previous } = await this.standingOf(name);
    if (rebuild?.state !== 'switched' || previous === undefined)
      throw new OrderRefused(`${name} has no previous build to go back to.`);
    return this.ask(rebuild, 'rollback');
  }

  async retire(name: string): Promise<Rebuild> {
    const { rebuild, previous } = await this.standingOf(name);
    const isOver = rebuild?.state === 'switched' || rebuild?.state === 'rolled_back';
    if (rebuild === undefined || !isOver || previous === undefined)
      throw new OrderRefused(`${name} has no previous build that could be dropped.`);
    return this.ask(rebuild, 'retire');
  }

  async abort(name: string): Promise<Rebuild> {
    return this.ask(await this.unfinished(name), 'abort');
  }

  /** The read model itself, or only its rebuild. */
  async pause(name: string, which: Pausable): Promise<void> {
    this.known(name);
    if (which === 'rebuild') await this.parts.rebuilds.pause((await this.unfinished(name)).rebuild);
    else if (!(await this.parts.builds.pause(name))) throw new OrderRefused(`${name} has no build yet.`);
  }

  /** Both, and a rebuild also after a problem, which it then meets again if it is still there. */
  async resume(name: string): Promise<void> {
    this.known(name);
    await this.parts.builds.resume(name);
    const rebuild = await this.parts.rebuilds.of(name);
    if (rebuild !== undefined && isUnfinished(rebuild)) await this.parts.rebuilds.resume(rebuild.rebuild);
  }

  private async expected(projections: readonly Projection[], names: readonly string[] = []) {
    const { planning, builds } = this.parts;
    try {
      return await expectedOfEach({ database: planning.database, builds }, projections, names);
    } catch (error) {
      throw error instanceof ExpectedDifferenceRefused ? new OrderRefused(error.message) : error;
    }
  }

  private async ask(
    rebuild: Rebuild,
    request: NonNullable<Rebuild['request']>,
    expected: readonly string[] = [],
  ): Promise<Rebuild> {
    await this.parts.rebuilds.request(rebuild.rebuild, request, expected);
    return (await this.parts.rebuilds.find(rebuild.rebuild)) ?? rebuild;
  }

  private async unfinished(name: string): Promise<Rebuild> {
    this.known(name);
    const rebuild = await this.parts.rebuilds.of(name);
    if (rebuild === undefined || !isUnfinished(rebuild)) throw new OrderRefused(`${name} is not being rebuilt.`);
    return rebuild;
  }

  private known(name: string): Projection {
    const projection = this.projections.find((each) => each.name === name);
    if (projection === undefined) throw unknown(name, this.projections);
    return projection;
  }
}

export interface OrdersParts {
  readonly builds: Builds;
  readonly rebuilds: Rebuilds;
  readonly planning: PlanParts;
}

export interface RebuildOrder {
  readonly switches: boolean;
  readonly expected?: readonly string[] | undefined;
  readonly throttle?: number | undefined;
}

export type Pausable = 'projection' | 'rebuild';

/** What there is of one projection. */
export interface Standing {
  readonly projection: string;
  /** Of this program. */
  readonly version: number;
  readonly live: Build | undefined;
  readonly previous: Build | undefined;
  /** The latest. */
  readonly rebuild: Rebuild | undefined;
}

/** It makes no sense as things are; the message says why, for whoever asked. */
export class OrderRefused extends Error {
  override readonly name: string = 'OrderRefused';
}

export class ProjectionUnknown extends OrderRefused {
  override readonly name = 'ProjectionUnknown';
}

function unknown(name: string, projections: readonly Projection[]): ProjectionUnknown {
  const names = projections.map((each) => each.name).sort();
  return new ProjectionUnknown(`There is no projection ${name}; there are ${names.join(', ')}.`);
}
