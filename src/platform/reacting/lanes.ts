/**
 * Tasks of one key in order, one at a time; tasks of different keys side by side, up to a bound.
 *
 * A task may pause its key without holding up others: `pause` gives its place away and takes one again afterwards.
 */
export class Lanes {
  private readonly lanes = new Map<string, Promise<void>>();
  private readonly waiting: (() => void)[] = [];
  private running = 0;

  constructor(private readonly runningMax: number) {}

  /** The task must not reject: there is nobody to tell. */
  add(key: string, task: (place: Place) => Promise<void>): void {
    const before = this.lanes.get(key) ?? Promise.resolve();
    const lane = before.then(() => this.withPlace(task));
    this.lanes.set(key, lane);
    void lane.then(() => {
      if (this.lanes.get(key) === lane) this.lanes.delete(key);
    });
  }

  async idle(): Promise<void> {
    while (this.lanes.size > 0) await Promise.all(this.lanes.values());
  }

  private async withPlace(task: (place: Place) => Promise<void>): Promise<void> {
    await this.enter();
    try {
      await task({
        pause: async (rest) => {
          this.leave();
          try {
            return await rest();
          } finally {
            await this.enter();
          }
        },
      });
    } finally {
      this.leave();
    }
  }

  private async enter(): Promise<void> {
    if (this.running < this.runningMax) {
      this.running += 1;
      return;
    }
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** The place goes straight to the one who waited longest. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.running -= 1;
    else next();
  }
}

export interface Place {
  pause<Result>(rest: () => Promise<Result>): Promise<Result>;
}
