import { earliestDrift, latestDrift, type TokenBucket, type WatchWindow } from './watch-pace.js';

/** Something that happened, as a room keeps it for a moment. */
export interface Moment {
  readonly position: number;
  readonly promptTime: number;
  /** Server time. */
  readonly cameAt: number;
  /** The item as JSON. Asked for once, when the first watcher gets it. */
  readonly item: () => string;
}

/** Somebody who watches, and what they have yet to be told. `Packet` is a message that is ready to be sent to many. */
export interface Watcher<Packet> {
  readonly window: WatchWindow;
  readonly bucket: TokenBucket;
  /** Nothing up to here is for this watcher: it was told before, or it came before they did. */
  after: number;
  /** Events that the bandwidth had no room for and that no batch has told of yet. */
  dropped: number;
  send(packet: Packet): void;
}

export interface Batch {
  readonly items: readonly string[];
  readonly dropped: number;
  /** The newest position that it covers. */
  readonly position: number;
}

export interface RoomReport {
  readonly packets: number;
  readonly made: number;
  readonly dropped: number;
}

/**
 * Those who watch one prompt, and what has happened since they were last told.
 *
 * Everybody is told at the same time. Sorted by drift, what lies in somebody's window is one range, so two searches find it, and
 * all who have the same range get the same packet, made once. Only who joins in the middle, or whose bandwidth is used up, may
 * need one of their own.
 */
export class WatchRoom<Packet> {
  readonly watchers = new Set<Watcher<Packet>>();
  private moments: Moment[] = [];
  private toldUpTo = 0;

  constructor(private readonly packetOf: (batch: Batch) => Packet) {}

  /** True when it is the first since everybody was told. */
  take(moment: Moment): boolean {
    return this.moments.push(moment) === 1;
  }

  /** Up to where everybody has been told everything, given how far the log was read. */
  settledUpTo(readUpTo: number): number {
    return this.moments.length === 0 ? readUpTo : this.toldUpTo;
  }

  tell(upTo: number): RoomReport {
    const { moments } = this;
    this.moments = [];
    this.toldUpTo = upTo;
    const telling = new Telling(moments, upTo, this.packetOf);
    for (const watcher of this.watchers) telling.tell(watcher);
    return telling;
  }
}

class Telling<Packet> implements RoomReport {
  packets = 0;
  made = 0;
  dropped = 0;
  private readonly drifts: readonly number[];
  /** Where in the order of drifts each moment is, by the order in which they came. */
  private readonly ranks: readonly number[];
  private readonly byRange = new Map<number, Packet>();
  private readonly byChoice = new Map<string, Packet>();

  constructor(
    private readonly moments: readonly Moment[],
    private readonly upTo: number,
    private readonly packetOf: (batch: Batch) => Packet,
  ) {
    const drifts = moments.map(({ promptTime, cameAt }) => promptTime - cameAt);
    const order = drifts.map((_, came) => came).sort((a, b) => (drifts[a] ?? 0) - (drifts[b] ?? 0));
    const ranks = new Array<number>(moments.length).fill(0);
    for (const [rank, came] of order.entries()) ranks[came] = rank;
    this.drifts = order.map((came) => drifts[came] ?? 0);
    this.ranks = ranks;
  }

  tell(watcher: Watcher<Packet>): void {
    const from = firstAbove(this.drifts, earliestDrift(watcher.window));
    const to = firstAbove(this.drifts, latestDrift(watcher.window));
    if (from === to) return;
    const chosen = this.choose(watcher, from, to);
    if (chosen.length === 0) return;
    this.packets += 1;
    watcher.send(
      chosen.length === to - from && watcher.dropped === 0
        ? this.shared(from, to, chosen)
        : this.own(chosen, watcher.dropped),
    );
    watcher.dropped = 0;
  }

  /** Those in the window for which there is bandwidth, in the order in which they came. */
  private choose(watcher: Watcher<Packet>, from: number, to: number): number[] {
    const chosen: number[] = [];
    for (const [came, moment] of this.moments.entries()) {
      const rank = this.ranks[came] ?? 0;
      if (rank < from || rank >= to || moment.position <= watcher.after) continue;
      if (watcher.bucket.take(moment.cameAt)) chosen.push(came);
      else {
        watcher.dropped += 1;
        this.dropped += 1;
      }
    }
    return chosen;
  }

  private shared(from: number, to: number, chosen: readonly number[]): Packet {
    const range = from * (this.moments.length + 1) + to;
    const packet = this.byRange.get(range) ?? this.make(chosen, 0);
    this.byRange.set(range, packet);
    return packet;
  }

  private own(chosen: readonly number[], dropped: number): Packet {
    const choice = `${chosen.join()} ${String(dropped)}`;
    const packet = this.byChoice.get(choice) ?? this.make(chosen, dropped);
    this.byChoice.set(choice, packet);
    return packet;
  }

  private make(chosen: readonly number[], dropped: number): Packet {
    this.made += 1;
    const items = chosen.map((came) => this.moments[came]?.item() ?? '');
    return this.packetOf({ items, dropped, position: this.upTo });
  }
}

function firstAbove(sorted: readonly number[], bound: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) <= bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
