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

export async function withReadModels<Result>(
  log: OpenLog,
  work: (readModels: ReadModelsHere) => Promise<Result>,
): Promise<Result> {
  await using readModels = new ReadModelsHere(log);
  await readModels.follow();
  return await work(readModels);
}

/**
 * Keeps the read models that are compared with up to date for as long as a command runs.
 *
 * A running program does that already, and is better at it: it stays. So this begins only where nobody does; after a command
 * that was killed, that is when its leases have expired.
 */
export class ReadModelsHere implements AsyncDisposable {
  private readonly running = new AsyncDisposableStack();
  private readonly board = new ProgressBoard();
  private tail: Tail | undefined;

  constructor(private readonly log: OpenLog) {}

  /** What is appended by this process from now on goes to the read models as it is, without being read again. */
  async follow(): Promise<void> {
    if (this.tail !== undefined || (await this.isWorkedOn())) return;
    const { database, store } = this.log;
    const { board, running } = this;
    const tail = (this.tail = new Tail(store));
    running.defer(() => tail.close());
    tail.start();
    const leases = new Leases(database, `chorus command ${randomUUID()}`);
    running.defer(() => leases.close());
    const engine = new ProjectionEngine(compared, { database, store, tail, leases, board });
    running.defer(() => engine.stop());
    await engine.start();
  }

  /** Whoever appends faster than they follow waits here: what they are near to, they need not read again. */
  async keptUp(): Promise<void> {
    await this.follow();
    while (this.isFarBehind()) await sleep(20);
  }

  /** Resolves when all of them have seen what is in the log now. */
  async caughtUp(onProgress: (progress: CatchingUp) => void): Promise<void> {
    const head = Number(await this.log.store.head());
    let moved = { position: -1, atMs: performance.now() };
    for (;;) {
      const { name, position } = await this.furthestBehind();
      if (position >= head) return;
      if (position > moved.position) moved = { position, atMs: performance.now() };
      if (performance.now() - moved.atMs > standstillMsMax) throw this.standstill(name, position, head);
      onProgress({ position, head });
      await this.follow();
      await sleep(pollMs);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.running.disposeAsync();
  }

  /** One that is not worked on here, or in trouble, is not waited for. */
  private isFarBehind(): boolean {
    const head = this.tail?.head() ?? 0n;
    const working = names
      .flatMap((name) => this.board.of(name) ?? [])
      .filter(({ build, problem }) => build && !problem);
    return working.some(({ position }) => head - position > behindMax);
  }

  private standstill(name: string, position: number, head: number): CannotStart {
    const problem = this.board.of(name)?.problem?.sentence;
    return new CannotStart(
      [
        `The read model ${name} has stood at position ${String(position)} for a minute; the log ends at ${String(head)}.`,
        problem ?? '"npm run -s chorus -- projections list" may say why.',
        'What was imported stays; once the read model moves again, repeat the command.',
      ].join(' '),
    );
  }

  private async furthestBehind(): Promise<z.infer<typeof Behind>> {
    const { rows } = await this.log.database.pool.query(furthestSql, [names]);
    return z.tuple([Behind]).parse(rows)[0];
  }

  private async isWorkedOn(): Promise<boolean> {
    const { rows } = await this.log.database.pool.query(
      `select count(*) as owned from projecting.leases where name = any($1) and expires_at > clock_timestamp()`,
      [compared.map(({ name, version }) => `projection ${name} v${String(version)}`)],
    );
    const [{ owned }] = z.tuple([z.object({ owned: z.coerce.number() })]).parse(rows);
    return owned > 0;
  }
}

export interface CatchingUp {
  /** Of the one that is furthest behind. */
  readonly position: number;
  readonly head: number;
}

/** Well within what a tail remembers. */
const behindMax = 20_000n;
const pollMs = 100;
const standstillMsMax = 60_000;

const Behind = z.object({ name: z.string(), position: z.coerce.number() });

const furthestSql = `
  select wanted.name, coalesce(b.position, 0) as position from unnest($1::text[]) as wanted (name)
  left join projecting.active a on a.projection = wanted.name
  left join projecting.builds b on b.build = a.build
  order by 2, 1 limit 1`;
