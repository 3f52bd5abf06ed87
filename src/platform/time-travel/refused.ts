/** What was asked about the past cannot be answered, and a person can do something about it. */
export class TravelRefused extends Error {
  override readonly name: string = 'TravelRefused';
}

export class ModelUnknown extends TravelRefused {
  override readonly name = 'ModelUnknown';
  constructor(name: string, known: readonly string[]) {
    super(`There is no read model "${name}". There are: ${known.toSorted().join(', ')}.`);
  }
}

/** Answering would read more of the log than was allowed. */
export class FoldTooLarge extends TravelRefused {
  override readonly name = 'FoldTooLarge';
  constructor(
    readonly estimate: Estimate,
    readonly positionsMax: number,
  ) {
    const { positions, events, seconds } = estimate;
    super(
      `This reads ${count(positions)} positions of the log and folds about ${count(events)} events, which takes about ${duration(seconds)}; without being asked, at most ${count(positionsMax)} positions are read.`,
    );
  }
}

export interface Estimate {
  /** Of the log that are looked at; exact. */
  readonly positions: number;
  /** That the read model takes; from samples. */
  readonly events: number;
  readonly seconds: number;
}

function count(number: number): string {
  return number.toLocaleString('en');
}

function duration(seconds: number): string {
  if (seconds < 90) return `${count(Math.max(1, Math.round(seconds)))} s`;
  return seconds < 5_400 ? `${count(Math.round(seconds / 60))} minutes` : `${count(Math.round(seconds / 3_600))} hours`;
}
