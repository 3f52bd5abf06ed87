import type { Named, Tables } from './comparison.js';
import type { LegacyCount, LegacyNode } from './legacy-file.js';
import { binsOfTree, type Recount, valueAt } from './recount.js';

/** What is known of a journey that makes its counts and sums differ. */
export interface Explanations {
  readonly isLeftOut: boolean;
  readonly isAddedTo: boolean;
  readonly isRounded: boolean;
  readonly isShortened: boolean;
}

/**
 * Four numbers for each value: theirs and ours, and what either comes to when it is counted anew from the events that either
 * has. Ours must be what our events come to. Theirs may differ from what their events come to for two reasons, and the two
 * recounts from each other for three; whatever else differs is a failure.
 */
export class CompareSums {
  constructor(
    private readonly journeyUid: string,
    private readonly recounts: { readonly theirs: Recount; readonly ours: Recount },
    private readonly explanations: Explanations,
    private readonly tables: Pick<Tables, 'counts' | 'sums' | 'views'>,
  ) {}

  /** How many events more than there are the legacy table has. */
  seconds(rows: readonly LegacyCount[], ours: ReadonlyMap<number, number>): number {
    const theirs = new Map(rows.map(({ bucket, total }) => [bucket, total]));
    const recounted = this.recounts;
    const all = new Set([...theirs.keys(), ...ours.keys(), ...recounted.theirs.seconds.keys()]);
    const excess = [...all].map((second) => (theirs.get(second) ?? 0) - (recounted.theirs.seconds.get(second) ?? 0));
    const isRemoved = excess.every((by) => by >= 0);
    for (const second of [...all].sort((one, other) => one - other)) {
      const four = {
        theirs: theirs.get(second) ?? 0,
        theirEvents: recounted.theirs.seconds.get(second) ?? 0,
        ours: ours.get(second) ?? 0,
        ourEvents: recounted.ours.seconds.get(second) ?? 0,
      };
      const there = isRemoved ? 'removed_rows' : undefined;
      this.judge(this.tables.counts, `${this.journeyUid} second ${String(second)}`, four, [there, this.changedHere()]);
    }
    return isRemoved ? excess.reduce((sum, by) => sum + by, 0) : 0;
  }

  sums(nodes: readonly LegacyNode[], ours: Recount['sums'], removed: number): void {
    const recounted = this.recounts;
    const trees = Map.groupBy(nodes, ({ category, category_value: value }) => `${category} ${String(value ?? 0)}`);
    const bins = Math.max(recounted.theirs.bins, recounted.ours.bins);
    const keys = new Set([...trees.keys(), ...ours.keys(), ...recounted.theirs.sums.keys()]);
    for (const key of keys) {
      const tree = new Map((trees.get(key) ?? []).map(({ idx, val }) => [idx, val]));
      const theirs = new Map([[key, binsOfTree(tree, recounted.theirs.bins)]]);
      for (let bin = 0; bin < bins; bin += 1) {
        const four = {
          theirs: valueAt(theirs, key, bin),
          theirEvents: valueAt(recounted.theirs.sums, key, bin),
          ours: valueAt(ours, key, bin),
          ourEvents: valueAt(recounted.ours.sums, key, bin),
        };
        // Each event changes a value by one.
        const isRemoved = Math.abs(four.theirs - four.theirEvents) <= removed;
        const otherBins = this.explanations.isShortened ? ('another_duration' as const) : undefined;
        const there = otherBins ?? (isRemoved ? 'removed_rows' : undefined);
        const here = this.changedHere() ?? (this.explanations.isRounded ? 'rounded_lobby' : undefined);
        this.judge(this.tables.sums, `${this.journeyUid} ${key} bin ${String(bin)}`, four, [there, here]);
      }
    }
  }

  /** Ours must be the joins that we have, and those must be the joins that they have. */
  views(nodes: readonly LegacyNode[], ours: number, joins: { readonly theirs: number; readonly ours: number }): void {
    const theirs = nodes.find(({ category, idx }) => category === 'users' && idx === 0)?.val ?? 0;
    const table = this.tables.views;
    const isComplete = joins.theirs === joins.ours || this.changedHere() !== undefined;
    if (ours !== joins.ours || !isComplete) table.fails({ what: `${this.journeyUid} views`, theirs, ours });
    else if (ours === theirs) table.same();
    else table.differs('views_are_joins', this.journeyUid);
  }

  private changedHere(): Named | undefined {
    if (this.explanations.isLeftOut) return 'left_out';
    return this.explanations.isAddedTo ? 'here_since' : undefined;
  }

  private judge(
    table: Tables['sums'],
    what: string,
    { theirs, theirEvents, ours, ourEvents }: Four,
    [there, here]: readonly [Named | undefined, Named | undefined],
  ): void {
    const isTheirs = theirs === theirEvents || there !== undefined;
    const isChange = theirEvents === ourEvents || here !== undefined;
    if (ours !== ourEvents || !isTheirs || !isChange) table.fails({ what, theirs, ours });
    else if (theirs === ours) table.same();
    else table.differs((theirs === theirEvents ? here : there) ?? 'here_since', what);
  }
}

interface Four {
  readonly theirs: number;
  /** What their events come to. */
  readonly theirEvents: number;
  readonly ours: number;
  readonly ourEvents: number;
}
