import { LeaseTable, type Standing } from './lease-table.js';
import { shareOut } from './sharing.js';
import type { Database } from '../database/database.js';

/**
 * Work that only one process at a time may do, and that another takes over when that process dies or freezes.
 *
 * A lease is a row with an owner, an expiry in the database's time and an epoch that every change of owner raises. It is not
 * a lock: a frozen process can thaw and go on believing that it holds one. So whoever works under a lease carries the epoch
 * into each write and lets the database refuse the old one. The abort signal only saves needless work.
 *
 * Each name is in one of these phases:
 *
 *   waiting   somebody else holds it, or should; every tick tries
 *   held      `run` is working; each tick renews
 *   leaving   its signal was aborted (lost, shared out, stopped); when `run` has ended the lease is released
 *   resting   `run` ended although nothing stopped it; after a pause it is waiting again
 *
 * With the defaults another process takes over at most `leaseMs` + `tickMs` = 3.75 s after the owner's last sign of life.
 */
export class Leases {
  private readonly table: LeaseTable;
  private readonly held = new Map<string, Held>();
  private readonly leaseMs: number;
  private readonly tickMs: number;
  private readonly onFailure: (name: string, error: unknown) => void;
  private ticking: Promise<void> | undefined;
  private next: NodeJS.Timeout | undefined;
  private expiry: NodeJS.Timeout | undefined;
  private joined = false;
  private closed = false;

  constructor(
    database: Pick<Database, 'pool'>,
    readonly owner: string,
    options: LeaseOptions = {},
  ) {
    this.leaseMs = options.leaseMs ?? 3_000;
    this.tickMs = options.tickMs ?? 750;
    this.onFailure = options.onFailure ?? (() => undefined);
    this.table = new LeaseTable(database, owner, this.leaseMs);
  }

  /** Runs `run` whenever this process holds the lease, for as long as it holds it, until stopped. */
  hold(name: string, run: (lease: Lease) => Promise<void>): Hold {
    if (this.closed) throw new Error(`Lease ${name} was asked for after the leases were closed.`);
    if (this.held.has(name)) throw new Error(`Lease ${name} is already held in this process.`);
    const held: Held = { name, run, failures: 0, phase: { is: 'waiting' } };
    this.held.set(name, held);
    this.joined = true;
    this.tickIn(0);
    return { stop: () => this.stop(held) };
  }

  /** Ends all work and hands every lease over at once, without waiting for it to expire. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.next);
    await Promise.all([...this.held.values()].map((held) => this.stop(held)));
    clearTimeout(this.expiry);
    await this.ticking;
    if (this.joined) await this.report('(worker)', () => this.table.leave());
  }

  private async stop(held: Held): Promise<void> {
    if (this.held.get(held.name) !== held) return;
    // A tick under way may be about to acquire it.
    held.stopped = true;
    await this.ticking;
    if (held.phase.is === 'held') this.abort(held, held.phase);
    if (held.phase.is === 'leaving') await held.phase.ended;
    this.held.delete(held.name);
  }

  private tickIn(ms: number): void {
    clearTimeout(this.next);
    this.next = setTimeout(() => {
      this.ticking ??= this.tick().finally(() => {
        this.ticking = undefined;
        if (!this.closed) this.tickIn(this.tickMs);
      });
    }, ms);
  }

  private async tick(): Promise<void> {
    await this.report('(worker)', () => this.renewAndShare());
  }

  private async renewAndShare(): Promise<void> {
    const askedAt = performance.now();
    const names = [...this.held.values()].filter(wanted).map(({ name }) => name);
    const standing = await this.table.renew(names, this.epochs());
    this.expireAt(askedAt + this.leaseMs);
    for (const held of this.held.values()) {
      if (held.phase.is === 'held' && !standing.renewed.has(held.name)) this.abort(held, held.phase);
    }
    await this.share(names, standing);
  }

  private async share(wants: readonly string[], { free, others }: Standing): Promise<void> {
    const mine = [...this.held.values()].filter(({ phase }) => phase.is === 'held').map(({ name }) => name);
    const waiting = free.filter((name) => this.held.get(name)?.phase.is === 'waiting');
    const { take, give } = shareOut({ wants, mine, free: waiting, others });
    for (const name of give) {
      const held = this.held.get(name);
      if (held?.phase.is === 'held') this.abort(held, held.phase);
    }
    if (take.length === 0) return;
    for (const { name, epoch } of await this.table.take(take)) {
      const held = this.held.get(name);
      if (held === undefined) continue;
      if (held.stopped === true) await this.table.release(name, epoch);
      else this.begin(held, epoch);
    }
  }

  private begin(held: Held, epoch: number): void {
    const abort = new AbortController();
    const ended = this.work(held, epoch, abort.signal);
    held.phase = { is: 'held', epoch, abort, ended };
  }

  private async work(held: Held, epoch: number, signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    const done = await this.report(held.name, () => held.run({ epoch, signal }));
    await this.report(held.name, () => this.table.release(held.name, epoch));
    if (signal.aborted) held.phase = { is: 'waiting' };
    else this.rest(held, done && performance.now() - startedAt > restMsMax);
  }

  /** Work that ended by itself would end again: pause, longer each time, so that it does not spin. */
  private rest(held: Held, wasHealthy: boolean): void {
    held.failures = wasHealthy ? 0 : held.failures + 1;
    held.phase = { is: 'resting' };
    const timer = setTimeout(
      () => {
        if (held.phase.is === 'resting') held.phase = { is: 'waiting' };
      },
      Math.min(restMsMax, restMsMin * 2 ** held.failures),
    );
    timer.unref();
  }

  private abort(held: Held, phase: Holding): void {
    held.phase = { is: 'leaving', ended: phase.ended };
    phase.abort.abort();
  }

  /**
   * If renewals fail for so long that others may have taken over, the work here stops by itself. Measured from when the
   * last successful renewal was asked for, which is earlier than the moment the database counted from.
   */
  private expireAt(at: number): void {
    clearTimeout(this.expiry);
    this.expiry = setTimeout(() => {
      for (const held of this.held.values()) if (held.phase.is === 'held') this.abort(held, held.phase);
    }, at - performance.now());
  }

  /** What is leaving is not renewed: work that doesn't end when told to must not keep others from it. */
  private epochs(): ReadonlyMap<string, number> {
    const epochs = new Map<string, number>();
    for (const { name, phase } of this.held.values()) if (phase.is === 'held') epochs.set(name, phase.epoch);
    return epochs;
  }

  private async report(name: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.onFailure(name, error);
      return false;
    }
  }
}

export interface Lease {
  readonly epoch: number;
  /** Aborted when the lease is lost, handed to a less busy worker, or no longer wanted. `run` should then end soon. */
  readonly signal: AbortSignal;
}

export interface Hold {
  /** Resolves when `run` has ended and the lease is free for others. */
  stop(): Promise<void>;
}

export interface LeaseOptions {
  /** How long a lease outlives its owner's last renewal. */
  readonly leaseMs?: number;
  readonly tickMs?: number;
  /** Told what `run` threw, and of renewals that failed. Both are tried again. */
  readonly onFailure?: (name: string, error: unknown) => void;
}

const restMsMin = 250;
const restMsMax = 15_000;

interface Held {
  readonly name: string;
  readonly run: (lease: Lease) => Promise<void>;
  failures: number;
  stopped?: boolean;
  phase: { readonly is: 'waiting' } | { readonly is: 'resting' } | Holding | Leaving;
}

interface Holding {
  readonly is: 'held';
  readonly epoch: number;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

interface Leaving {
  readonly is: 'leaving';
  readonly ended: Promise<void>;
}

/** What rests is not wanted: it would count as a rival for work that it cannot do. */
function wanted({ phase, stopped }: Held): boolean {
  return stopped !== true && phase.is !== 'resting';
}
