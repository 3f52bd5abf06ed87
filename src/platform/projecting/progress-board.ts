import type { Build } from './builds.js';

/**
 * What this process knows of the projections it runs: how far each is, and what is wrong. Readers in the same process wait
 * on it without asking the database.
 *
 * A position here may be ahead of the checkpoint row: events that a projection doesn't take move it in memory at once and in
 * the row only now and then. It is never ahead of the rows that queries see.
 */
export class ProgressBoard {
  private readonly entries = new Map<string, Entry>();
  private readonly listeners = new Set<(projection: string) => void>();
  private readonly waiting = new Map<string, { count: number; readonly onBegun: Set<() => void> }>();

  /** The position up to which the live build is known to be complete, if this process runs it. */
  at(projection: string): bigint | undefined {
    const entry = this.entries.get(projection);
    return entry?.build?.state === 'live' ? entry.position : undefined;
  }

  of(projection: string): Standing | undefined {
    return this.entries.get(projection);
  }

  onMoved(listener: (projection: string) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Somebody in this process waits for it to come further, until the function that is returned is called. */
  awaits(projection: string): () => void {
    const waiting = this.waitingFor(projection);
    waiting.count += 1;
    for (const begun of waiting.onBegun) begun();
    return () => (waiting.count -= 1);
  }

  isAwaited(projection: string): boolean {
    return this.waitingFor(projection).count > 0;
  }

  onAwaited(projection: string, listener: () => void): () => void {
    const { onBegun } = this.waitingFor(projection);
    onBegun.add(listener);
    return () => onBegun.delete(listener);
  }

  /** This process became the writer. The position may be smaller than before, if the database was restored. */
  entered(projection: string, build: Build): void {
    const entry = this.entry(projection);
    entry.build = build;
    entry.problem = undefined;
    this.move(projection, entry, build.position);
  }

  moved(projection: string, build: Build, position: bigint, events: number): void {
    const entry = this.entry(projection);
    entry.build = build;
    entry.events += events;
    entry.batches += events > 0 ? 1 : 0;
    this.move(projection, entry, position);
  }

  /** This process no longer writes it. What troubled it is another's to tell now. */
  left(projection: string): void {
    const entry = this.entry(projection);
    entry.build = undefined;
    entry.problem = undefined;
  }

  failed(projection: string, problem: string): void {
    const entry = this.entry(projection);
    entry.problem = { sentence: problem, since: entry.problem?.since ?? new Date() };
  }

  private move(projection: string, entry: Entry, position: bigint): void {
    entry.position = position;
    entry.movedAtMs = performance.now();
    for (const listener of this.listeners) listener(projection);
  }

  private waitingFor(projection: string) {
    const waiting = this.waiting.get(projection) ?? { count: 0, onBegun: new Set() };
    this.waiting.set(projection, waiting);
    return waiting;
  }

  private entry(projection: string): Entry {
    let entry = this.entries.get(projection);
    if (entry === undefined) {
      entry = {
        build: undefined,
        position: 0n,
        movedAtMs: performance.now(),
        problem: undefined,
        events: 0,
        batches: 0,
      };
      this.entries.set(projection, entry);
    }
    return entry;
  }
}

export interface Standing {
  /** The build this process writes; undefined while it writes none. */
  readonly build: Build | undefined;
  readonly position: bigint;
  /** By the process's monotonic clock. */
  readonly movedAtMs: number;
  readonly problem: { readonly sentence: string; readonly since: Date } | undefined;
  /** Since the process started. */
  readonly events: number;
  readonly batches: number;
}

type Entry = { -readonly [Field in keyof Standing]: Standing[Field] };
