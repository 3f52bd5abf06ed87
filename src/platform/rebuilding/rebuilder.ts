import type { Lease } from '../leasing/lease.js';
import type { Projection } from '../projecting/projection.js';
import { News } from './news.js';
import { pause } from './pace.js';
import type { Rebuild } from './rebuild.js';
import { RebuilderReplaced, type Held } from './rebuilds.js';
import { replayPass, replays } from './passes.js';
import { advance, takesLong } from './steps.js';
import { Task, type TaskParts } from './task.js';

/** One process at a time carries rebuilds out: a worker, or a command when there is none. */
export const rebuildsLease = 'rebuilds';

/**
 * Looks at what is to be done and does it, under the lease `rebuilds`: the replays of one pass together, everything else for
 * each rebuild by itself. A long replay holds up no other's switch.
 *
 * It keeps nothing in memory that the next holder of the lease would miss. An error that is not about the rebuild itself, such
 * as a lost connection, is told and tried again.
 */
export class Rebuilder {
  constructor(
    private readonly projections: readonly Projection[],
    private readonly parts: RebuilderParts,
  ) {}

  /** Resolves when the lease is over, or when what is left to do is for a program of another version. */
  async run(lease: Lease): Promise<void> {
    const session = new Session(this.projections, this.parts, lease);
    try {
      while (!lease.signal.aborted) {
        const isOurs = await this.look(session);
        if (!isOurs) return;
        await Promise.race([pause(this.parts.pollMs ?? 200, lease.signal), session.moved()]);
      }
    } finally {
      await session.ended();
    }
  }

  private async look(session: Session): Promise<boolean> {
    try {
      return await session.look();
    } catch (error) {
      if (error instanceof RebuilderReplaced) return false;
      this.parts.onFailure(error);
      return true;
    }
  }
}

export interface RebuilderParts extends TaskParts {
  readonly pollMs?: number;
  readonly onFailure: (error: unknown) => void;
  readonly onNews?: (rebuild: Rebuild) => void;
}

/**
 * What is under way while one lease lasts. Two things at most, so that a rebuild never needs more connections than there are:
 * what takes long, one after the other, and beside it what takes a moment.
 */
class Session {
  private readonly busy = new Set<string>();
  private readonly claimed = new Set<string>();
  private readonly lanes = { long: Promise.resolve(), short: Promise.resolve() };
  private readonly news: News;
  private replaced = false;
  private wake = (): void => undefined;

  constructor(
    private readonly projections: readonly Projection[],
    private readonly parts: RebuilderParts,
    private readonly lease: Lease,
  ) {
    this.news = new News(parts.rebuilds, (rebuild) => parts.onNews?.(rebuild));
  }

  /** False when there is nothing that this program could do, but something for another. */
  async look(): Promise<boolean> {
    if (this.replaced) return false;
    const due = await this.parts.rebuilds.due();
    if (due.some(({ epoch }) => epoch > this.lease.epoch)) return false;
    await this.news.of(due);
    const tasks = due.flatMap((rebuild) => this.taskOf(rebuild) ?? []);
    if (tasks.length === 0 && due.length > 0 && this.busy.size === 0) return false;
    for (const task of tasks) await this.claim(task);
    this.beginWhatIsIdle(tasks);
    return true;
  }

  private beginWhatIsIdle(tasks: readonly Task[]): void {
    const idle = tasks.filter(({ rebuild }) => !this.busy.has(rebuild.rebuild));
    for (const [first, ...others] of Map.groupBy(idle.filter(replays), ({ rebuild }) => rebuild.pass).values()) {
      if (first !== undefined) this.begin('long', [first, ...others], replayPass);
    }
    for (const task of idle.filter((each) => !replays(each))) {
      this.begin(takesLong(task) ? 'long' : 'short', [task], ([only], signal) => advance(only, signal));
    }
  }

  /** Resolves when a rebuild has come to its next state: there is no need to wait for the next look, then. */
  moved(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  async ended(): Promise<void> {
    await Promise.all([this.lanes.long, this.lanes.short]);
  }

  private taskOf(rebuild: Rebuild): Task | undefined {
    const projection = this.projections.find(({ name }) => name === rebuild.projection);
    const isOurs = projection !== undefined && projection.version >= rebuild.version;
    return isOurs ? new Task(rebuild, projection, this.held(rebuild), this.parts) : undefined;
  }

  private held({ rebuild, orders }: Rebuild): Held {
    return { rebuild, orders, epoch: this.lease.epoch };
  }

  private async claim({ rebuild }: Task): Promise<void> {
    if (this.claimed.has(rebuild.rebuild)) return;
    await this.parts.rebuilds.claim(rebuild.rebuild, this.lease.epoch);
    this.claimed.add(rebuild.rebuild);
  }

  private begin(
    lane: 'long' | 'short',
    tasks: Tasks,
    work: (tasks: Tasks, signal: AbortSignal) => Promise<void>,
  ): void {
    for (const { rebuild } of tasks) this.busy.add(rebuild.rebuild);
    this.lanes[lane] = this.lanes[lane].then(async () => {
      try {
        if (await this.areAsTheyWere(tasks)) await work(tasks, this.lease.signal);
      } catch (error) {
        if (error instanceof RebuilderReplaced) this.replaced = true;
        else if (!this.lease.signal.aborted) this.parts.onFailure(error);
      } finally {
        for (const { rebuild } of tasks) this.busy.delete(rebuild.rebuild);
        if (tasks.some(({ hasMoved }) => hasMoved)) this.wake();
      }
    });
  }

  /** They may have waited in line for long. What has changed meanwhile is seen by the next look. */
  private async areAsTheyWere(tasks: Tasks): Promise<boolean> {
    for (const { rebuild } of tasks) {
      if (this.lease.signal.aborted || this.replaced) return false;
      const now = await this.parts.rebuilds.find(rebuild.rebuild);
      if (now === undefined || !isAsItWas(rebuild, now)) return false;
    }
    return true;
  }
}

function isAsItWas(before: Rebuild, now: Rebuild): boolean {
  const same = ['state', 'request', 'orders', 'problem'] as const;
  return same.every((what) => before[what] === now[what]);
}

type Tasks = readonly [Task, ...Task[]];
