import type { Dice } from '../dice.js';

/**
 * Lets real asynchronous code take turns. Whoever is about to do something asks for a turn and is parked; a turn goes to one
 * of those parked only when nobody else is moving: each is parked, finished, or waits for a lock inside PostgreSQL.
 */
export class Turnstile {
  readonly #parked = new Map<string, () => void>();
  readonly #unfinished = new Set<string>();
  #failure: Error | undefined;

  constructor(
    /** How many connections wait for a lock just now. */
    private readonly countWaiting: () => Promise<number>,
    private readonly dice: Dice,
  ) {}

  get over(): boolean {
    return this.#unfinished.size === 0;
  }

  enter(actor: string, act: (turn: () => Promise<void>) => Promise<void>): void {
    this.#unfinished.add(actor);
    const turn = (): Promise<void> =>
      new Promise((resolve) => {
        this.#parked.set(actor, resolve);
      });
    turn()
      .then(() => act(turn))
      .catch((error: unknown) => (this.#failure ??= new Error(`${actor} failed.`, { cause: error })))
      .finally(() => this.#unfinished.delete(actor));
  }

  /** False when nobody could be given a turn: then everybody waits for a lock, and somebody else has to let one go. */
  async grantOne(): Promise<boolean> {
    await this.#settle();
    const parked = [...this.#parked];
    if (parked.length === 0) return false;
    const [actor, go] = this.dice.pick(parked);
    this.#parked.delete(actor);
    go();
    return true;
  }

  get #moving(): number {
    return this.#unfinished.size - this.#parked.size;
  }

  async #settle(): Promise<void> {
    const giveUpAt = performance.now() + settleMsMax;
    for (;;) {
      // What a turn set off is often over before PostgreSQL could be asked about it.
      for (let pass = 0; pass < 3; pass += 1) await new Promise((resolve) => setImmediate(resolve));
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#moving === 0 || (await this.countWaiting()) >= this.#moving) return;
      if (performance.now() > giveUpAt)
        throw new Error(`Nothing moved for ${String(settleMsMax / 1000)} s, and nobody waits for a lock.`);
    }
  }
}

const settleMsMax = 15_000;
