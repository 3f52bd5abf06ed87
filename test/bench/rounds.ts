/** Comparing fairly on a machine that is never quite idle: the sides take turns, and the middle round speaks for each. */

/**
 * Runs every side once per round. The order turns round every time (A B, B A, …), so whatever drifts (caches, table sizes, a
 * busy neighbour) meets both sides alike.
 */
export async function alternate<Side extends string, Result>(
  sides: Readonly<Record<Side, () => Promise<Result>>>,
  options: {
    readonly rounds: number;
    readonly signal: AbortSignal;
    readonly after?: (side: Side, result: Result) => void;
  },
): Promise<ReadonlyMap<Side, readonly Result[]>> {
  const names = keysOf(sides);
  const results = new Map<Side, Result[]>(names.map((side) => [side, []]));
  for (let round = 0; round < options.rounds; round += 1) {
    for (const side of round % 2 === 0 ? names : names.toReversed()) {
      options.signal.throwIfAborted();
      const result = await sides[side]();
      results.get(side)?.push(result);
      options.after?.(side, result);
    }
  }
  return results;
}

function keysOf<Key extends string>(record: Readonly<Record<Key, unknown>>): readonly Key[] {
  const keys: Key[] = [];
  for (const key in record) keys.push(key);
  return keys;
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The nearest-rank percentile; NaN for no values. */
export function percentile(values: ArrayLike<number>, percent: number): number {
  const sorted = Float64Array.from(values).sort();
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

/** Three digits are all that a measurement on a shared machine is worth. */
export function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(3)) : value;
}
