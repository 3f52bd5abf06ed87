import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { eventCounts } from '../../../projections/interactive-prompts/event-counts.js';
import { eventSearch } from '../../../projections/interactive-prompts/event-search.js';
import { prefixSums } from '../../../projections/interactive-prompts/prefix-sums.js';
import { sessions } from '../../../projections/interactive-prompts/sessions.js';
import { journeyList } from '../../../projections/journeys/journey-list.js';
import { journeyViews } from '../../../projections/journeys/journey-views.js';
import { CannotStart } from '../../platform/config/cannot-start.js';
import { Tail } from '../../platform/event-store/tail.js';
import { Leases } from '../../platform/leasing/lease.js';
import { ProjectionEngine } from '../../platform/projecting/engine.js';
import { ProgressBoard } from '../../platform/projecting/progress-board.js';
import type { Projection } from '../../platform/projecting/projection.js';
import type { OpenLog } from '../open-log.js';

/** What is compared with. */
const compared: readonly Projection[] = [journeyList, sessions, eventSearch, eventCounts, prefixSums, journeyViews];
const names = compared.map(({ name }) => name);

/**
 * Keeps the read models that are compared with up to date for as long as the work takes, unless a running program does that
 * already.
 */
export async function withReadModels<Result>(log: OpenLog, work: () => Promise<Result>): Promise<Result> {
  if (await isWorkedOn(log)) return work();
  const { database, store } = log;
  const failures: string[] = [];
  const leases = new Leases(database, `chorus command ${randomUUID()}`);
  const tail = new Tail(store);
  const onFailure = (projection: string, error: unknown): void => {
    failures.push(`${projection}: ${error instanceof Error ? error.message : 'it failed'}`);
  };
  const board = new ProgressBoard();
  const engine = new ProjectionEngine(compared, { database, store, tail, leases, board, onFailure });
  try {
    await engine.start();
    return await work();
  } finally {
    await engine.stop();
    await leases.close();
    await tail.close();
  }
}

export interface CatchingUp {
  /** Of the one that is furthest behind. */
  readonly position: number;
  readonly head: number;
}

const pollMs = 100;
const standstillMsMax = 60_000;

/** Resolves when all of them have seen what is in the log now. */
export async function caughtUp(log: OpenLog, onProgress: (progress: CatchingUp) => void): Promise<void> {
  const head = Number(await log.store.head());
  let moved = { position: -1, atMs: performance.now() };
  for (;;) {
    const behind = await furthestBehind(log);
    if (behind.position >= head) return;
    if (behind.position > moved.position) moved = { position: behind.position, atMs: performance.now() };
    if (performance.now() - moved.atMs > standstillMsMax) {
      throw new CannotStart(
        `The read model ${behind.name} has stood at position ${String(behind.position)} for a minute; the log ends at ${String(head)}. "npm run -s chorus -- projections list" may say why; what was imported stays.`,
      );
    }
    onProgress({ position: behind.position, head });
    await sleep(pollMs);
  }
}

const Behind = z.object({ name: z.string(), position: z.coerce.number() });

async function furthestBehind({ database }: OpenLog): Promise<z.infer<typeof Behind>> {
  const { rows } = await database.pool.query(furthestSql, [names]);
  return z.tuple([Behind]).parse(rows)[0];
}

const furthestSql = `
  select wanted.name, coalesce(b.position, 0) as position from unnest($1::text[]) as wanted (name)
  left join projecting.active a on a.projection = wanted.name
  left join projecting.builds b on b.build = a.build
  order by 2, 1 limit 1`;

async function isWorkedOn({ database }: OpenLog): Promise<boolean> {
  const { rows } = await database.pool.query(
    `select count(*) as owned from projecting.leases where name = any($1) and expires_at > clock_timestamp()`,
    [compared.map(({ name, version }) => `projection ${name} v${String(version)}`)],
  );
  const [{ owned }] = z.tuple([z.object({ owned: z.coerce.number() })]).parse(rows);
  return owned > 0;
}
