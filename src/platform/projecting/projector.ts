import { setTimeout as sleep } from 'node:timers/promises';
import type { Tail, TailBatch } from '../event-store/tail.js';
import type { Lease } from '../leasing/lease.js';
import { ProjectionRefused, type Build } from './builds.js';
import type { Projection } from './projection.js';
import { PoisonStopsBuild, Tenure, TooManyDeadLetters, WriterReplaced, type TenureParts } from './tenure.js';

/**
 * One projection's loop, under its lease.
 *
 *   opening     finds or makes the build and becomes its writer
 *   following   takes batches from the tail, folds and writes each; the next is fetched while one is written
 *   pausing     something failed; after a pause that grows it opens again, from whatever the checkpoint then says
 *   ended       the lease was lost or given up
 *
 * Every failure leads back through the checkpoint, so a write whose outcome is unknown is neither repeated nor left out.
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
        await this.attempt(lease);
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

  private async attempt(lease: Lease): Promise<void> {
    const { board, onFailure } = this.parts;
    const { name } = this.projection;
    try {
      await this.follow(lease);
    } catch (error) {
      if (lease.signal.aborted) return;
      if (error instanceof ProjectionRefused || error instanceof WriterReplaced) throw error;
      board.failed(name, problemOf(error));
      onFailure(name, error);
    }
  }

  private async refuseAhead(build: Build): Promise<void> {
    const head = await this.parts.store.head();
    if (build.position > head) throw new AheadOfLog(build, head);
  }

  private async follow({ epoch, signal }: Lease): Promise<void> {
    const { builds, tail } = this.parts;
    const build = await builds.claim(await builds.open(this.projection), epoch);
    if (build === undefined) throw new WriterReplaced(this.projection.name, epoch);
    await this.refuseAhead(build);
    const tenure = new Tenure(this.projection, this.parts, build);
    await tenure.begin();
    const ending = new AbortController();
    const over = AbortSignal.any([signal, ending.signal]);
    const batches = tail.subscribe({
      after: build.position,
      filter: { types: Object.keys(this.projection.when) },
      batchMax: batchEventsMax,
      signal: over,
    });
    const loops = [takeAll(tenure, batches, over), doChores(tenure, over)].map((loop) =>
      loop.finally(() => {
        ending.abort();
      }),
    );
    try {
      await Promise.all(loops);
      await tenure.flush();
    } finally {
      await Promise.allSettled(loops);
    }
  }
}

/** The log was put back to an earlier state, and positions will be given out again for other events. */
class AheadOfLog extends Error {
  override readonly name = 'AheadOfLog';
  constructor({ projection, position }: Build, head: bigint) {
    super(
      `${projection}: its rows are at position ${String(position)}, but the log ends at ${String(head)}. It was restored to an earlier state: drop this build.`,
    );
  }
}

export interface ProjectorParts extends TenureParts {
  readonly tail: Tail;
  readonly onFailure: (projection: string, error: unknown) => void;
}

/** Large enough that a round trip is spread over many events, small enough that a batch folds in a few milliseconds. */
const batchEventsMax = 5_000;
const pauseMsMin = 50;
const pauseMsMax = 5_000;
/** Also how long another process may see an older position than this one. */
const choresMs = 300;

async function takeAll(tenure: Tenure, batches: AsyncGenerator<TailBatch, void>, over: AbortSignal): Promise<void> {
  const isFast = speedometer();
  let next = fetchNext(batches);
  for (let step = await next; step.done !== true; step = await next) {
    if (isFast(step.value)) {
      await tenure.take(step.value);
      await pause(breathMs, over);
      next = fetchNext(batches);
    } else {
      next = fetchNext(batches);
      await tenure.take(step.value);
    }
  }
}

/**
 * At the end of a log that grows fast, a breath between two writes lets more events come together in the next one. The
 * database then has more time for the appends; nobody who waits for a position waits noticeably longer.
 */
const breathMs = 100;
const fastPositionsPerMs = 1;
/** A handful of events that happen to come together are no load. */
const fastPositionsMin = 8;

function speedometer(): (batch: TailBatch) => boolean {
  let upTo: bigint | undefined;
  let at = performance.now();
  return (batch) => {
    const elapsedMs = performance.now() - at;
    const positions = upTo === undefined ? 0 : Number(batch.upTo - upTo);
    upTo = batch.upTo;
    at = performance.now();
    const isBusy = positions >= fastPositionsMin && positions > elapsedMs * fastPositionsPerMs;
    return isBusy && batch.upTo === batch.head;
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
  const isOurs = [PoisonStopsBuild, TooManyDeadLetters, AheadOfLog].some((kind) => error instanceof kind);
  if (!(error instanceof Error)) return 'Something failed that is not an error.';
  if (isOurs) return error.message;
  return `${error.name}${'code' in error && typeof error.code === 'string' ? ` ${error.code}` : ''}; trying again.`;
}
