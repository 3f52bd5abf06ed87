import type { Json } from '../../kernel/event-family.js';

/** Differences that an import must lead to, by name, and the reason of each. Any other one is a failure. */
export const namedDifferences = {
  left_out: 'Rows that could not be imported are missing here; the report lists each.',
  here_since:
    'Something was added here after the import: sessions that were never left end with their prompt, and people go on.',
  rounded_lobby: 'A lobby with a fraction of a second was rounded up, so its bins begin at other times.',
  another_duration: 'The lobby was made shorter after its sums were counted: they are those of other bins.',
  removed_rows:
    'Rows were removed there, when people left for good, but not what they had added to counts and sums. Here only what is there counts.',
  views_are_joins:
    'Views were the users in the first bin: whoever came later was missing, and so was whoever left in it.',
  stand_in: 'The person is not in the users table. Their sessions belong to a stand-in here.',
  tidied: 'The title or the prompt had spaces around its text, or colors in small letters.',
  unknown_subcategory: 'The journey has no subcategory there, and one that is called "unknown" here.',
} as const;

export type Named = keyof typeof namedDifferences;

export interface Failure {
  readonly what: string;
  readonly theirs: Json;
  readonly ours: Json;
}

export interface TableReport {
  readonly table: string;
  readonly compared: number;
  readonly equal: number;
  readonly named: readonly {
    readonly name: Named;
    readonly count: number;
    readonly why: string;
    readonly examples: readonly string[];
  }[];
  /** The first of them. */
  readonly failures: readonly Failure[];
  readonly failuresTotal: number;
}

export interface Tables {
  readonly journeys: TableComparison;
  readonly sessions: TableComparison;
  readonly events: TableComparison;
  readonly counts: TableComparison;
  readonly sums: TableComparison;
  readonly views: TableComparison;
}

export function emptyTables(): Tables {
  return {
    journeys: new TableComparison('journeys'),
    sessions: new TableComparison('journey_sessions'),
    events: new TableComparison('journey_events'),
    counts: new TableComparison('journey_event_counts'),
    sums: new TableComparison('journey_event_fenwick_trees'),
    views: new TableComparison('journey views'),
  };
}

const examplesMax = 5;
const failuresMax = 20;

/** What came of comparing one legacy table, value by value. */
export class TableComparison {
  /** Rows of the legacy table that were looked at. */
  rows = 0;
  private equal = 0;
  private failuresTotal = 0;
  private readonly failures: Failure[] = [];
  private readonly named = new Map<Named, { count: number; readonly examples: string[] }>();

  constructor(readonly table: string) {}

  looked(rows = 1): void {
    this.rows += rows;
  }

  same(): void {
    this.equal += 1;
  }

  differs(name: Named, what: string): void {
    const own = this.named.get(name) ?? { count: 0, examples: [] };
    own.count += 1;
    if (own.examples.length < examplesMax) own.examples.push(what);
    this.named.set(name, own);
  }

  fails(failure: Failure): void {
    this.failuresTotal += 1;
    if (this.failures.length < failuresMax) this.failures.push(failure);
  }

  add(other: TableComparison): void {
    this.rows += other.rows;
    this.equal += other.equal;
    this.failuresTotal += other.failuresTotal;
    this.failures.push(...other.failures.slice(0, failuresMax - this.failures.length));
    for (const [name, { count, examples }] of other.named) {
      const own = this.named.get(name) ?? { count: 0, examples: [] };
      own.count += count;
      own.examples.push(...examples.slice(0, examplesMax - own.examples.length));
      this.named.set(name, own);
    }
  }

  get isClean(): boolean {
    return this.failuresTotal === 0;
  }

  report(): TableReport {
    const named = [...this.named].map(([name, own]) => ({ name, ...own, why: namedDifferences[name] }));
    const differing = named.reduce((sum, { count }) => sum + count, this.failuresTotal);
    const { table, equal, failures, failuresTotal } = this;
    return { table, compared: equal + differing, equal, named, failures, failuresTotal };
  }
}
