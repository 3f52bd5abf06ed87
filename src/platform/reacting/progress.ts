/**
 * How far a process got while its events finish out of order: everything up to `position` is finished. Events that finished
 * ahead of an unfinished one are counted, so that the reader can be kept from running away from it.
 */
export class Progress {
  private readonly begun: { readonly position: bigint; readonly id: string | undefined; finished: boolean }[] = [];
  private lastId: Seen | undefined;
  private first = 0;
  private unfinishedCount = 0;
  private waiting: (() => void)[] = [];

  /** `upTo`: everything at or below it was finished in an earlier life. */
  constructor(private upTo: bigint) {}

  get position(): bigint {
    const oldest = this.begun[this.first];
    return oldest === undefined ? this.upTo : oldest.position - 1n;
  }

  /** The last event at or below the position that was begun here: by it the log is recognised later. */
  get anchor(): Seen | undefined {
    return this.lastId;
  }

  get unfinished(): number {
    return this.unfinishedCount;
  }

  /** Events that were begun and that the position has not passed. */
  get ahead(): number {
    return this.begun.length - this.first;
  }

  /** Positions must ascend. The result is to be called once, when the event is finished. */
  begin(position: bigint, id?: string): () => void {
    const entry = { position, id, finished: false };
    this.begun.push(entry);
    this.unfinishedCount += 1;
    return () => {
      entry.finished = true;
      this.unfinishedCount -= 1;
      this.moveOn();
    };
  }

  /** Everything up to here was begun, or is of no interest. */
  passed(position: bigint): void {
    if (position > this.upTo) this.upTo = position;
  }

  /** Resolves when an event has finished, or at the signal. */
  async moved(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      signal.addEventListener('abort', wake);
      this.waiting.push(wake);
    });
  }

  private moveOn(): void {
    while (this.begun[this.first]?.finished === true) {
      const { position, id } = this.begun[this.first] ?? { position: 0n, id: undefined };
      this.passed(position);
      if (id !== undefined) this.lastId = { position, id };
      this.first += 1;
    }
    if (this.first > 1_000) {
      this.begun.splice(0, this.first);
      this.first = 0;
    }
    const woken = this.waiting;
    this.waiting = [];
    for (const wake of woken) wake();
  }
}

export interface Seen {
  readonly position: bigint;
  readonly id: string;
}
