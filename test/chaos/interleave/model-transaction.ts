/** A connection to the model. */
export class ModelSession {
  transaction: Transaction | undefined;
  keepsLock = false;
}

export class Transaction {
  id: number | undefined;
  state: 'open' | 'committed' | 'aborted' = 'open';
  committedAt = 0;
  #snapshot: number | undefined;

  constructor(readonly keeps: 'per statement' | 'one for all') {}

  /** PostgreSQL takes the one snapshot of a transaction at its first statement, not at its beginning. */
  snapshotAt(commits: number): number {
    if (this.keeps === 'per statement') return commits;
    this.#snapshot ??= commits;
    return this.#snapshot;
  }
}

/** A row, and who wrote it. */
export interface Stored<Row> {
  readonly row: Row;
  readonly by: Transaction;
}

/** Whose rows everybody sees. */
export const beforeAll = new Transaction('per statement');
beforeAll.state = 'committed';
