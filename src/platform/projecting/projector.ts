import { setTimeout as sleep } from 'node:timers/promises';
import type { Tail, TailBatch } from '../event-store/tail.js';
import type { Lease } from '../leasing/lease.js';
import type { Build, Builds } from './builds.js';
import { LogReplaced, type Continuity } from './continuity.js';
import type { ProgressBoard } from './progress-board.js';
import type { Projection } from './projection.js';
import { ProjectionRefused } from './projection-refused.js';
import { Tenure, TooManyDeadLetters, WriterReplaced, type TenureParts } from './tenure.js';

/**
 * One projection's loop, under its lease.
 *
 *   opening     finds what there is to write, and becomes its writer: the live build, and beside it the previous one for as
 *               long as a switch can be taken back
 *   following   takes batches from the tail, folds and writes each; the next is fetched while one is written
 *   idling      there is nothing to write: it is paused, or a rebuild is still making the build of this version
 *   pausing     something failed; after a pause that grows it opens again, from whatever the checkpoint then says
 *   ended       the lease was lost or given up
 *
 * Whoever switches builds takes them away from their writer, whose next batch is refused; it opens again at once and goes on
 * with the build that is live now. Every failure leads back through the checkpoint, so a write whose outcome is unknown is
 * neither repeated nor left out.
 */
export class Projector {
  constructor(
    private readonly projection: Projection,
    private readonly parts: ProjectorParts,
  ) {}

  /** Resolves when the lease is over. Rejects when this program should leave the projection to another for now. */
  async run(lease: Lease): Promise<void> {
    let pauseMs = pauseMsMin;
    try {
      while (!lease.signal.aborted) {
        const before = this.position();
        if (await this.attempt(lease)) continue;
        // An attempt that got somewhere met a new trouble, not the old one again.
        pauseMs = this.position() > before ? pauseMsMin : Math.min(pauseMs * 2, pauseMsMax);
        await pause(pauseMs, lease.signal);
      }
      this.parts.board.left(this.projection.name);
    } catch (error) {
      this.parts.board.left(this.projection.name);
      if (error instanceof ProjectionRefused) this.parts.board.failed(this.projection.name, error.message);
      throw error;
    }
  }

  private position(): bigint {
    return this.parts.board.of(this.projection.name)?.position ?? 0n;
  }

  /** False after a failure. */
  private async attempt(lease: Lease): Promise<boolean> {
    const { board, onFailure } = this.parts;
    const { name } = this.projection;
    try {
      await this.follow(lease);
      return true;
    } catch (error) {
      if (lease.signal.aborted || error instanceof WriterReplaced) return true;
      if (error instanceof ProjectionRefused || error instanceof LeaseOvertaken) throw error;
      board.failed(name, problemOf(error));
      onFailure(name, error);
      return false;
    }
  }

  private async follow(lease: Lease): Promise<void> {
    const { live, previous } = await this.parts.builds.open(this.projection);
    const written = [live, previous].filter((build) => build?.pausedAt === null);
    if (live?.pausedAt !== null) this.parts.board.left(this.projection.name);
    if (live === undefined && previous === undefined) await this.parts.onNewVersion(this.projection);
    if (written.length === 0) {
      await pause(idleMs, lease.signal);
      return;
    }
    const ending = new AbortController();
    const signal = AbortSignal.any([lease.signal, ending.signal]);
    const here = { epoch: lease.epoch, signal };
    await allUntilOneEnds(ending, [
      ...(live?.pausedAt === null ? [this.write(live, here, this.parts.board)] : []),
      ...(previous?.pausedAt === null ? [this.keep(previous, here)] : []),
    ]);
  }

  /** What readers don't see must not disturb what they see: its failures are its own. */
  private async keep(previous: Build, lease: Lease): Promise<void> {
    let pauseMs = pauseMsMin;
    while (!lease.signal.aborted) {
      try {
        await this.write(previous, lease, unseen);
      } catch (error) {
        if (isOver(lease)) return;
        if (error instanceof WriterReplaced || error instanceof LeaseOvertaken) throw error;
        if (!(await this.parts.builds.isStill(previous))) throw new WriterReplaced(this.projection.name, lease.epoch);
        this.parts.onFailure(this.projection.name, error);
      }
      pauseMs = Math.min(pauseMs * 2, pauseMsMax);
      await pause(pauseMs, lease.signal);
    }
  }

  private async refusal(opened: Build, epoch: number): Promise<Error> {
    const isOvertaken = await this.parts.builds.isOvertaken(opened, epoch);
    return isOvertaken
      ? new LeaseOvertaken(this.projection.name, epoch)
      : new WriterReplaced(this.projection.name, epoch);
  }

  private async write(opened: Build, { epoch, signal }: Lease, board: TenureParts['board']): Promise<void> {
    const { builds, tail } = this.parts;
    await this.parts.continuity.ensure(opened);
    const build = await builds.claim(opened, epoch);
    if (build === undefined) throw await this.refusal(opened, epoch);
    const tenure = new Tenure(this.projection, { ...this.parts, board }, build);
    await tenure.begin();
    const ending = new AbortController();
    const over = AbortSignal.any([signal, ending.signal]);
    const batches = tail.subscribe({
      after: build.position,
      filter: { types: Object.keys(this.projection.when) },
      batchMax: batchEventsMax,
      signal: over,
    });
    const breath = () => this.breath(over);
    await allUntilOneEnds(ending, [takeAll(tenure, batches, breath), doChores(tenure, over)]);
    await tenure.flush();
  }

  /** Cut short as soon as somebody waits for what it holds up. */
  private async breath(over: AbortSignal): Promise<void> {
    const { board } = this.parts;
    const { name } = this.projection;
    if (board.isAwaited(name)) return;
    const awaited = new AbortController();
    const forget = board.onAwaited(name, () => {
      awaited.abort();
    });
    await pause(breathMs, AbortSignal.any([over, awaited.signal]));
    forget();
  }
}

/** The rows are right, but only for whoever takes the switch back. */
const unseen = { entered: () => undefined, moved: () => undefined };

async function allUntilOneEnds(ending: AbortController, loops: readonly Promise<void>[]): Promise<void> {
  const ends = loops.map((loop) =>
    loop.finally(() => {
      ending.abort();
    }),
  );
  try {
    await Promise.all(ends);
  } finally {
    await Promise.allSettled(ends);
  }
}

/** Another process has taken the lease meanwhile: what is right to do is its to say. */
class LeaseOvertaken extends Error {
  override readonly name = 'LeaseOvertaken';
  constructor(projection: string, epoch: number) {
    super(`${projection}: the build is no longer for the owner with epoch ${String(epoch)}.`);
  }
}

export interface ProjectorParts extends TenureParts {
  readonly builds: Builds;
  readonly continuity: Continuity;
  readonly tail: Tail;
  readonly board: ProgressBoard;
  /** The live build is of an older version: somebody has to make the build of this one. Called again and again until it is there. */
  readonly onNewVersion: (projection: Projection) => Promise<void>;
  readonly onFailure: (projection: string, error: unknown) => void;
}

/** Large enough that a round trip is spread over many events, small enough that a batch folds in a few milliseconds. */
const batchEventsMax = 5_000;
const pauseMsMin = 50;
const pauseMsMax = 5_000;
/** How soon it begins once there is something to write. */
const idleMs = 100;
/** Also how long another process may see an older position than this one. */
const choresMs = 300;

async function takeAll(
  tenure: Tenure,
  batches: AsyncGenerator<TailBatch, void>,
  breath: () => Promise<void>,
): Promise<void> {
  const isFast = speedometer();
  let next = fetchNext(batches);
  for (let step = await next; step.done !== true; step = await next) {
    if (isFast(step.value)) {
      await tenure.take(step.value);
      await breath();
      next = fetchNext(batches);
    } else {
      next = fetchNext(batches);
      await tenure.take(step.value);
    }
  }
}

/**
 * At the end of a log that grows fast, a breath between two writes lets more events come together in the next one: many of them
 * change the same rows, and the database has more time for the appends. Who waits in another process asks for the checkpoint,
 * and may wait this much longer.
 */
const breathMs = 250;
const fastPositionsPerMs = 1;
/** A few events that happen to come together are no load. */
const windowMs = 100;

/** How fast the log grows, not how fast this projection catches up with it. */
function speedometer(): (batch: TailBatch) => boolean {
  let since: { readonly head: bigint; readonly at: number } | undefined;
  let isFast = false;
  return ({ upTo, head }) => {
    const at = performance.now();
    since ??= { head, at };
    const elapsedMs = at - since.at;
    if (elapsedMs >= windowMs) {
      isFast = Number(head - since.head) > elapsedMs * fastPositionsPerMs;
      since = { head, at };
    }
    return isFast && upTo === head;
  };
}

/** Begins to fetch a batch. It may fail while the one before is still being written; whoever awaits it then hears of it. */
function fetchNext(batches: AsyncGenerator<TailBatch, void>): Promise<IteratorResult<TailBatch, void>> {
  const next = batches.next();
  next.catch(() => undefined);
  return next;
}

async function doChores(tenure: Tenure, over: AbortSignal): Promise<void> {
  for (;;) {
    await pause(choresMs, over);
    if (over.aborted) return;
    await tenure.chores();
  }
}

/** Ends early, without an error, when the signal is given. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** A sentence that may be shown: our own errors say what is wrong, others only of what kind they are. */
function problemOf(error: unknown): string {
  const isOurs = [TooManyDeadLetters, LogReplaced].some((kind) => error instanceof kind);
  if (!(error instanceof Error)) return 'Something failed that is not an error.';
  if (isOurs) return error.message;
  return `${error.name}${'code' in error && typeof error.code === 'string' ? ` ${error.code}` : ''}; trying again.`;
}

/** Asked anew each time: it may have ended while something was waited for. */
function isOver({ signal }: Lease): boolean {
  return signal.aborted;
}
