/** Whatever wants to be called again and again at the same interval. */
export interface Beating {
  beat(): void;
}

/**
 * One timer for any number of things that happen at the same interval, each at its own moment of it: a wheel that turns once
 * per interval and passes one slot at a time. Joining, leaving and each call cost the same however many there are.
 */
export class Beats {
  private readonly slots: Set<Beating>[];
  private readonly slotOf = new Map<Beating, Set<Beating>>();
  private hand = 0;
  private startedAtMs = 0;
  private turning: NodeJS.Timeout | undefined;

  constructor(
    private readonly intervalMs: number,
    slots = 40,
  ) {
    this.slots = Array.from({ length: slots }, () => new Set());
  }

  /** The first call comes after one whole interval. */
  add(one: Beating): void {
    if (this.turning === undefined) this.start();
    const slot = this.slots[this.hand % this.slots.length];
    if (slot === undefined) return;
    slot.add(one);
    this.slotOf.set(one, slot);
  }

  remove(one: Beating): void {
    this.slotOf.get(one)?.delete(one);
    this.slotOf.delete(one);
    if (this.slotOf.size === 0) this.stop();
  }

  stop(): void {
    clearInterval(this.turning);
    this.turning = undefined;
  }

  private start(): void {
    const slotMs = this.intervalMs / this.slots.length;
    this.startedAtMs = performance.now() - this.hand * slotMs;
    this.turning = setInterval(() => {
      // By the clock, not by counting calls: timers come late and would drift.
      while (performance.now() >= this.startedAtMs + (this.hand + 1) * slotMs) this.pass();
    }, slotMs);
  }

  private pass(): void {
    this.hand += 1;
    const slot = this.slots[this.hand % this.slots.length];
    if (slot === undefined) return;
    for (const one of [...slot]) one.beat();
  }
}
