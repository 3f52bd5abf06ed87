/** Chance that is the same for the same seed, on every machine. */
export class Dice {
  constructor(private state: number) {}

  /** From 0 up to 1, as Math.random. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  below(max: number): number {
    return Math.floor(this.next() * max);
  }

  happens(share: number): boolean {
    return this.next() < share;
  }

  of<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('There is nothing to choose from.');
    return item;
  }

  uid(prefix: string): string {
    const bytes = Buffer.from(Array.from({ length: 16 }, () => this.below(256)));
    return `oseh_${prefix}_${bytes.toString('base64url')}`;
  }
}
