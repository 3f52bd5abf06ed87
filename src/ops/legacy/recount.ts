/**
 * Counts and sums, counted anew from events, the simplest way there is: nothing is kept but what each event changes in its bin.
 * Neither the read models nor the legacy tables were made like this, so agreeing with it means something.
 */
export interface Happening {
  readonly sessionUid: string;
  readonly evtype: string;
  readonly time: number;
  /** Of an answer; undefined if it was not written down in a way that can be read. */
  readonly value: number | undefined;
}

/** By category and value, as `word_active 2`: what each bin adds. */
export type Sums = ReadonlyMap<string, readonly number[]>;

export interface Recount {
  readonly seconds: ReadonlyMap<number, number>;
  readonly sums: Sums;
  readonly bins: number;
}

/** Of each session in the order in which its events were written. */
export function recount(happenings: readonly Happening[], durationSeconds: number): Recount {
  const bins = durationSeconds <= 1 ? 1 : 2 ** Math.ceil(Math.log2(durationSeconds)) - 1;
  const width = durationSeconds / bins;
  const seconds = new Map<number, number>();
  const sums = new Map<string, number[]>();
  const answers = new Map<string, number>();
  for (const { sessionUid, evtype, time, value } of happenings) {
    const second = Math.floor(time);
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
    const bin = Math.min(bins - 1, Math.max(0, Math.floor(time / width)));
    const question = `${sessionUid} ${evtype}`;
    for (const [key, by] of changesOf(evtype, value, answers.get(question))) {
      const own = sums.get(key) ?? Array.from({ length: bins }, () => 0);
      own[bin] = (own[bin] ?? 0) + by;
      sums.set(key, own);
    }
    if (value !== undefined) answers.set(question, value);
  }
  return { seconds, sums, bins };
}

/** A value at a bin counts everything at or before it. */
export function valueAt(sums: Sums, key: string, bin: number): number {
  return (sums.get(key) ?? []).slice(0, bin + 1).reduce((sum, by) => sum + by, 0);
}

/** Nodes of a Fenwick tree, counted from 0, as what each bin adds. Nodes beyond the last bin are those of another tree. */
export function binsOfTree(nodes: ReadonlyMap<number, number>, bins: number): number[] {
  const prefix = (bin: number): number => {
    let sum = 0;
    for (let at = bin + 1; at > 0; at -= at & -at) sum += nodes.get(at - 1) ?? 0;
    return sum;
  };
  return Array.from({ length: bins }, (_, bin) => prefix(bin) - (bin === 0 ? 0 : prefix(bin - 1)));
}

const kinds: Readonly<Record<string, readonly (readonly [string, number])[]>> = {
  join: [['users 0', 1]],
  leave: [['users 0', -1]],
  like: [['likes 0', 1]],
  press_prompt_start_response: [
    ['press 0', 1],
    ['press_active 0', 1],
  ],
  press_prompt_end_response: [['press_active 0', -1]],
};

const answerCategories: Readonly<Record<string, string>> = {
  numeric_prompt_response: 'numeric_active',
  color_prompt_response: 'color_active',
  word_prompt_response: 'word_active',
};

function changesOf(
  evtype: string,
  value: number | undefined,
  previous: number | undefined,
): readonly (readonly [string, number])[] {
  const category = answerCategories[evtype];
  if (category === undefined) return kinds[evtype] ?? [];
  if (value === undefined) return [];
  const added = [`${category} ${String(value)}`, 1] as const;
  return previous === undefined ? [added] : [added, [`${category} ${String(previous)}`, -1]];
}
