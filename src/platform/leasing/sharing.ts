/**
 * Who should hold what, so that work spreads evenly over the workers that are alive.
 *
 * Every worker decides for itself from the same rows; that two decide on slightly different pictures costs a detour and
 * never correctness, because the database gives each lease to one of them. Pure, so that a test can play many workers.
 */
export interface Picture {
  /** The leases this worker would like to hold. */
  readonly wants: readonly string[];
  /** Those of them it holds and means to keep. */
  readonly mine: readonly string[];
  /** Those of them that nobody holds. */
  readonly free: readonly string[];
  /** The other workers that are alive. */
  readonly others: readonly OtherWorker[];
}

export interface OtherWorker {
  readonly wants: readonly string[];
  readonly holds: number;
}

export interface Shares {
  readonly take: readonly string[];
  readonly give: readonly string[];
}

export function shareOut({ wants, mine, free, others }: Picture): Shares {
  const fairMax = Math.ceil(wants.length / (1 + others.filter((other) => wantsAnyOf(other, wants)).length));
  const take: string[] = [];
  for (const name of free) {
    const holds = mine.length + take.length;
    // Beyond its share a worker takes only what nobody less busy would like to have.
    const leftToOthers = others.some((other) => other.holds < holds && other.wants.includes(name));
    if (holds < fairMax || !leftToOthers) take.push(name);
  }
  return { take, give: take.length > 0 ? [] : surplus(mine, fairMax, others) };
}

/** A difference of one is even: handing that lease over would only turn the difference round. */
function surplus(mine: readonly string[], fairMax: number, others: readonly OtherWorker[]): readonly string[] {
  const lessBusy = others.filter((other) => other.holds + 2 <= mine.length);
  const wanted = mine.filter((name) => lessBusy.some((other) => other.wants.includes(name)));
  return wanted.slice(0, Math.max(1, mine.length - fairMax));
}

function wantsAnyOf(other: OtherWorker, names: readonly string[]): boolean {
  return other.wants.some((name) => names.includes(name));
}
