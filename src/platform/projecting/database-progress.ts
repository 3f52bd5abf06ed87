import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Database } from '../database/database.js';
import type { ProgressBoard } from './progress-board.js';
import { ProjectionProgress, type Progress } from './progress.js';

/**
 * Waits on the board of this process where the projection runs here, and asks for its checkpoint row where it doesn't: one
 * query for everybody who waits, and none while nobody does.
 */
export class DatabaseProgress extends ProjectionProgress {
  private readonly waiters = new Map<string, Set<Waiter>>();
  private polling: Promise<void> | undefined;

  constructor(
    private readonly database: Pick<Database, 'pool'>,
    private readonly board: ProgressBoard,
    private readonly pollMs = 20,
  ) {
    super();
    board.onMoved((projection) => {
      const at = board.at(projection);
      if (at !== undefined) this.settle(projection, at);
    });
  }

  waitFor(projection: string, position: bigint, waitMs: number): Promise<Progress> {
    const at = this.board.at(projection) ?? 0n;
    if (at >= position) return Promise.resolve({ reached: true, at });
    return new Promise((resolve) => {
      const waiter: Waiter = {
        position,
        at,
        done: resolve,
        leave: this.board.awaits(projection),
        timer: setTimeout(() => {
          this.giveUp(projection, waiter);
        }, waitMs),
      };
      const waiting = this.waiters.get(projection) ?? new Set();
      this.waiters.set(projection, waiting.add(waiter));
      this.polling ??= this.poll();
    });
  }

  private async poll(): Promise<void> {
    while (this.waiters.size > 0) {
      const elsewhere = [...this.waiters.keys()].filter((projection) => this.board.at(projection) === undefined);
      if (elsewhere.length > 0) await this.ask(elsewhere);
      await sleep(this.pollMs);
    }
    this.polling = undefined;
  }

  private async ask(projections: readonly string[]): Promise<void> {
    try {
      const { rows } = await this.database.pool.query({ name: 'progress', text: progressSql, values: [projections] });
      for (const { projection, position } of Positions.parse(rows)) this.settle(projection, position);
    } catch (error) {
      // Whoever waits learns that the position was not reached; that the database is down, they learn when they read.
      if (!(error instanceof Error)) throw error;
    }
  }

  private settle(projection: string, at: bigint): void {
    const waiting = this.waiters.get(projection);
    if (waiting === undefined) return;
    for (const waiter of waiting) {
      waiter.at = at;
      if (at >= waiter.position) this.finish(projection, waiter, { reached: true, at });
    }
  }

  private giveUp(projection: string, waiter: Waiter): void {
    this.finish(projection, waiter, { reached: false, at: this.board.at(projection) ?? waiter.at });
  }

  private finish(projection: string, waiter: Waiter, progress: Progress): void {
    clearTimeout(waiter.timer);
    waiter.leave();
    const waiting = this.waiters.get(projection);
    waiting?.delete(waiter);
    if (waiting?.size === 0) this.waiters.delete(projection);
    waiter.done(progress);
  }
}

interface Waiter {
  readonly position: bigint;
  readonly done: (progress: Progress) => void;
  readonly leave: () => void;
  readonly timer: NodeJS.Timeout;
  at: bigint;
}

const Positions = z.array(z.object({ projection: z.string(), position: z.coerce.bigint() }));

const progressSql = `
  select projection, position from projecting.active join projecting.builds using (projection, build)
  where projection = any($1)`;
