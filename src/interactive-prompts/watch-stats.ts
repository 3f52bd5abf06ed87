/** A watcher who asked to be told what the crowd looks like, too. */
export interface StatsWatcher<Packet> {
  /** Prompt time, by the watcher's clock. */
  readonly time: number;
  send(packet: Packet): void;
}

export interface StatsPorts<Packet> {
  readonly binAt: (promptTime: number) => number;
  readonly lastBin: number;
  /** What the crowd looks like at the ends of some bins, as of one moment. */
  readonly read: (bins: readonly number[]) => Promise<readonly object[]>;
  readonly packet: (bins: readonly object[]) => Packet;
}

interface Told {
  at: number;
  content: string;
}

interface Made<Packet> {
  readonly content: string;
  readonly packet: Packet;
}

const pauseSeconds = 0.9;

/**
 * What the crowd of one prompt looks like, told to those who asked for it: for the bin in which each is and for the next one, when
 * they come and then about once a second if anything is different. It is read once for all, and made once for each bin.
 */
export class WatchStats<Packet> {
  private readonly watchers = new Map<StatsWatcher<Packet>, Told>();

  constructor(private readonly ports: StatsPorts<Packet>) {}

  get isEmpty(): boolean {
    return this.watchers.size === 0;
  }

  add(watcher: StatsWatcher<Packet>): void {
    this.watchers.set(watcher, { at: -Infinity, content: '' });
  }

  remove(watcher: StatsWatcher<Packet>): void {
    this.watchers.delete(watcher);
  }

  async tell(now: number): Promise<void> {
    const { binAt, lastBin, read, packet } = this.ports;
    const due = [...this.watchers]
      .filter(([, told]) => now - told.at > pauseSeconds)
      .map(([watcher, told]) => [watcher, told, binAt(watcher.time)] as const);
    if (due.length === 0) return;
    const firsts = [...new Set(due.map(([, , bin]) => bin))];
    const bins = [...new Set(firsts.flatMap((bin) => [bin, Math.min(bin + 1, lastBin)]))];
    const stats = new Map((await read(bins)).map((one, nth) => [bins[nth], one]));
    const made = new Map<number, Made<Packet>>();
    for (const bin of firsts) {
      const own = [bin, bin + 1].flatMap((each) => stats.get(each) ?? []);
      made.set(bin, { content: JSON.stringify(own), packet: packet(own) });
    }
    for (const [watcher, told, bin] of due) {
      const news = made.get(bin);
      if (news === undefined || news.content === told.content || !this.watchers.has(watcher)) continue;
      told.at = now;
      told.content = news.content;
      watcher.send(news.packet);
    }
  }
}
