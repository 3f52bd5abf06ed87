import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { projections } from '../../projections/registry.js';
import { CannotStart } from '../platform/config/cannot-start.js';
import type { Config } from '../platform/config/config.js';
import type { Database } from '../platform/database/database.js';
import { Leases, type Hold } from '../platform/leasing/lease.js';
import { Builds } from '../platform/projecting/builds.js';
import type { Rebuild } from '../platform/rebuilding/rebuild.js';
import { OrderRefused, RebuildOrders } from '../platform/rebuilding/rebuild-orders.js';
import { Rebuilder, rebuildsLease } from '../platform/rebuilding/rebuilder.js';
import { Rebuilds } from '../platform/rebuilding/rebuilds.js';
import { withLog, type OpenLog } from './open-log.js';
import { say } from './output.js';

export interface RebuildSession {
  readonly orders: RebuildOrders;
  /**
   * Waits until each is as `isThere` says, or stopped by a problem. Every look is told.
   *
   * Where no worker carries rebuilds out, this command does; what it leaves undone the next one goes on with.
   */
  readonly follow: (
    names: readonly string[],
    isThere: (rebuild: Rebuild) => boolean,
    tell: (rebuilds: readonly Rebuild[]) => void,
  ) => Promise<readonly Rebuild[]>;
}

export async function withRebuilds(config: Config, work: (session: RebuildSession) => Promise<void>): Promise<void> {
  await withLog(config, async (log) => {
    const { database } = log;
    const rebuilds = new Rebuilds(database);
    const orders = new RebuildOrders(projections, { builds: new Builds(database), rebuilds, planning: log });
    const graceMs = config.REBUILD_GRACE_MINUTES * 60_000;
    const rebuilder = new Rebuilder(projections, { ...log, rebuilds, graceMs, onFailure });
    const helping = new Helping(log, rebuilder);
    try {
      await work({
        orders,
        follow: async (names, isThere, tell) => {
          for (;;) {
            const standing = await Promise.all(names.map((name) => rebuilds.of(name)));
            const found = standing.flatMap((rebuild) => rebuild ?? []);
            tell(found);
            if (found.every((each) => each.problem !== null || (each.request === null && isThere(each)))) return found;
            await helping.whereNobodyDoes();
            await sleep(lookMs);
          }
        },
      });
    } catch (error) {
      throw error instanceof OrderRefused ? new CannotStart(error.message) : error;
    } finally {
      await helping.end();
    }
  });
}

const lookMs = 200;

function onFailure(error: unknown): void {
  say(`${error instanceof Error ? error.message : 'Something failed that is not an error.'} Trying again.`);
}

/** A worker is better at it: it stays when this command ends. So the lease is taken only where nobody has it. */
class Helping {
  private readonly leases: Leases;
  private readonly database: Database;
  private hold: Hold | undefined;

  constructor(
    log: OpenLog,
    private readonly rebuilder: Rebuilder,
  ) {
    this.database = log.database;
    this.leases = new Leases(log.database, randomUUID());
  }

  async whereNobodyDoes(): Promise<void> {
    if (this.hold !== undefined || (await this.somebodyDoes())) return;
    this.hold = this.leases.hold(rebuildsLease, (lease) => this.rebuilder.run(lease));
  }

  end(): Promise<void> {
    return this.leases.close();
  }

  private async somebodyDoes(): Promise<boolean> {
    const { rowCount } = await this.database.pool.query(
      'select 1 from projecting.leases where name = $1 and expires_at > clock_timestamp()',
      [rebuildsLease],
    );
    return rowCount === 1;
  }
}
