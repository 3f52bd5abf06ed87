import type { Authorize } from './watch-packets.js';
import { TokenBucket, type WatchWindow } from './watch-pace.js';
import { latencyPacket, type WatchNames } from './watch-packets.js';
import type { Watcher } from './watch-room.js';

/** What a watch needs of the world: somebody to tell, and how far everybody has been told. */
export interface WatchPorts<Packet> {
  readonly names: WatchNames;
  readonly now: () => number;
  readonly newUid: () => string;
  readonly packet: (text: string) => Packet;
  readonly send: (packet: Packet) => void;
  readonly over: () => void;
  readonly settledUpTo: () => number;
}

export interface WatchOrder {
  readonly authorize: Pick<Authorize, 'bandwidth' | 'lookback' | 'lookahead'>;
  readonly offset: number;
  readonly durationSeconds: number;
  readonly after: number;
}

/** How long after the end, and after what can still be looked back at, somebody may stay. */
const staySeconds = 10;

/** The stream of one watcher, from `auth_response` until it is over. */
export class Watch<Packet> implements Watcher<Packet> {
  readonly window: WatchWindow;
  readonly bucket: TokenBucket;
  after: number;
  dropped = 0;
  private readonly endsAt: number;

  constructor(
    { authorize, offset, durationSeconds, after }: WatchOrder,
    private readonly ports: WatchPorts<Packet>,
  ) {
    this.window = { offset, lookback: authorize.lookback, lookahead: authorize.lookahead };
    this.bucket = new TokenBucket(authorize.bandwidth, ports.now());
    this.after = after;
    this.endsAt = durationSeconds + authorize.lookback + staySeconds;
  }

  /** What the watcher's clock will show when a packet that is sent now arrives. */
  get time(): number {
    return this.ports.now() + this.window.offset;
  }

  send(packet: Packet): void {
    this.ports.send(packet);
  }

  /** Every two seconds, from the beginning. */
  beat(): void {
    const { names, newUid, packet, settledUpTo } = this.ports;
    const { time } = this;
    if (time > this.endsAt) {
      this.ports.over();
      return;
    }
    const position = Math.max(this.after, settledUpTo());
    this.send(packet(latencyPacket(newUid(), names, { time: Math.round(time * 1e6) / 1e6, position })));
  }
}
