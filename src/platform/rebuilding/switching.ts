import type { PoolClient } from 'pg';
import { logPages } from '../event-store/log-pages.js';
import type { Build } from '../projecting/builds.js';
import { Filling } from './filling.js';
import { RollbackImpossible } from './problems.js';
import type { Change } from './rebuilds.js';
import { besideReaders, inShort } from './short-transaction.js';
import { storedTables } from './stored-tables.js';
import type { Task } from './task.js';

/**
 * The moment when readers see other tables: one short transaction that holds up the live build's writer, folds the few events
 * that the other build lacks, and lets the views show that one. Taking it back is the same backwards.
 *
 * It never waits long for a reader: what waits for a view's lock holds up every reader behind it. It gives up instead, and is
 * tried again.
 */
export class Switching {
  constructor(private readonly task: Task) {}

  /** When somebody was in the way, or the new build is still too far behind, nothing has changed. */
  async switch(): Promise<void> {
    const { rebuild, projection, builds } = this.task;
    await inShort(this.task, async (client) => {
      const standing = await builds.locked(client, projection.name);
      const next = standing.find(({ build }) => build === rebuild.build);
      const live = standing.find(({ state }) => state === 'live');
      if (next?.state !== 'building' || live === undefined) return;
      if (live.refused === null && !(await this.bring(client, next, live.position))) return;
      await besideReaders(client, async () => {
        for (const older of standing) if (older.state === 'previous') await builds.retire(client, older);
        await builds.show(client, next, Object.values(projection.tables));
      });
      await client.query('update projecting.builds set paused_at = $2 where build = $1', [next.build, live.pausedAt]);
      await client.query(retireEarlier, [projection.name]);
      await this.say(client, { state: 'switched', replaced: live.build });
    });
  }

  /** As `switch`, to the build that was live before. Rejects with RollbackImpossible. */
  async rollBack(): Promise<void> {
    const { rebuild, projection, builds } = this.task;
    await inShort(this.task, async (client) => {
      const standing = await builds.locked(client, projection.name);
      const former = standing.find(({ build }) => build === rebuild.replaced);
      const live = standing.find(({ state }) => state === 'live');
      if (former?.state !== 'previous' || live?.build !== rebuild.build) {
        throw new RollbackImpossible(`${projection.name}: its previous build is no longer there.`);
      }
      if (former.position < live.position && !(await this.bringFormer(client, former, live.position))) return;
      const tables = Object.values(await storedTables(client, former.schema));
      await besideReaders(client, async () => {
        await builds.show(client, former, tables);
      });
      await this.say(client, { state: 'rolled_back' });
    });
  }

  /** False when it is too far behind for a short transaction. It comes closer with each attempt. */
  private async bring(client: PoolClient, build: Build, to: bigint): Promise<boolean> {
    const until = to - build.position > gapMax ? build.position + gapMax : to;
    const filling = Filling.locked(client, this.task.projection, build);
    const order = { after: build.position, to: until, types: filling.types, eventsMax: () => Number(gapMax) };
    for await (const page of logPages(this.task.parts.store, order)) await filling.take(page);
    return until === to;
  }

  /**
   * The previous build may be of a program that is gone, or have events that it could not take: then only its own projector
   * can bring it further.
   */
  private async bringFormer(client: PoolClient, former: Build, to: bigint): Promise<boolean> {
    const { rowCount } = await client.query(
      `select 1 from projecting.dead_letters where build = $1 and state <> 'resolved' limit 1`,
      [former.build],
    );
    if (rowCount === 0 && former.version === this.task.projection.version) return this.bring(client, former, to);
    const waitedMs = Date.now() - this.task.rebuild.movedAt.getTime();
    if (waitedMs < formerMsMax) return false;
    throw new RollbackImpossible(
      `${former.projection}: its previous build stands at position ${String(former.position)}, the live one at ${String(to)}. Only a program with version ${String(former.version)} can bring it further: start one, then roll back.`,
    );
  }

  private async say(client: PoolClient, change: Change): Promise<void> {
    const { parts, rebuild, held } = this.task;
    await parts.hooks?.at?.('committing', rebuild);
    const ending = { request: null, problem: null, grace_until: new Date(Date.now() + parts.graceMs) };
    await parts.rebuilds.change(held, { ...change, ...ending }, client);
  }
}

/** The previous build of the switch before is gone now. */
const retireEarlier = `
  update projecting.rebuilds
  set state = 'retired', grace_until = null, steps = steps || jsonb_build_object('retired', clock_timestamp())
  where projection = $1 and state = 'switched'`;

/** Positions that are folded while the live build's writer is held up. */
const gapMax = 2_000n;
/** How long the projector of the previous build has to bring it to where the live one is. */
const formerMsMax = 10_000;
