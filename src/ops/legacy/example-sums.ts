/**
 * What the journey era kept beside its events: counts per second and partial sums per bin, changed with each event and never
 * taken back. Written anew, after the rules of that time, so that comparing with it means something.
 */
export class ExampleSums {
  readonly counts = new Map<number, number>();
  /** By category and value, then by node. */
  readonly trees = new Map<string, Map<number, number>>();
  private readonly bins: number;
  private readonly binWidth: number;

  constructor(durationSeconds: number) {
    this.bins = durationSeconds <= 1 ? 1 : 2 ** Math.ceil(Math.log2(durationSeconds)) - 1;
    this.binWidth = durationSeconds / this.bins;
  }

  take({ evtype, time, value }: ExampleAct, previous: number | undefined): void {
    const second = Math.floor(time);
    this.counts.set(second, (this.counts.get(second) ?? 0) + 1);
    for (const [category, of, by] of changes(evtype, value, previous)) this.change(`${category} ${of}`, time, by);
  }

  private change(key: string, time: number, by: number): void {
    const bin = Math.max(0, Math.min(this.bins - 1, Math.floor(time / this.binWidth)));
    const tree = this.trees.get(key) ?? new Map<number, number>();
    this.trees.set(key, tree);
    for (let n = bin + 1; n <= this.bins; n += n & -n) tree.set(n - 1, (tree.get(n - 1) ?? 0) + by);
  }
}

export interface ExampleAct {
  readonly evtype: string;
  readonly time: number;
  /** Of an answer. */
  readonly value: number | undefined;
}

type Change = readonly [category: string, of: string, by: number];

function changes(evtype: string, value: number | undefined, previous: number | undefined): readonly Change[] {
  switch (evtype) {
    case 'join':
      return [['users', '', 1]];
    case 'leave':
      return [['users', '', -1]];
    case 'like':
      return [['likes', '', 1]];
    case 'press_prompt_start_response':
      return [
        ['press_active', '', 1],
        ['press', '', 1],
      ];
    case 'press_prompt_end_response':
      return [['press_active', '', -1]];
    default:
      return value === undefined ? [] : answers(evtype.replace(/_prompt_response$/, '_active'), value, previous);
  }
}

function answers(category: string, value: number, previous: number | undefined): readonly Change[] {
  const added: Change = [category, String(value), 1];
  return previous === undefined ? [added] : [added, [category, String(previous), -1]];
}
