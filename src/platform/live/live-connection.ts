import type { Duplex } from 'node:stream';
import { WebSocket, type RawData } from 'ws';
import { closings, type Closing } from './closings.js';
import type { Frame } from './text-frame.js';

export interface ConnectionLimits {
  /** How much may wait to be read by the client before it is given up. */
  readonly backlogBytesMax: number;
}

/** Less than this is on its way; more is a client that doesn't keep up. */
const patientBytesMax = 65_536;
const pingEverySweeps = 30;
const pingsPerSweepMax = 20;
const closeSweepsMax = 5;

/**
 * One client.
 *
 * States: *asking* (the server may ask for a packet with `receive`) -> *telling* after `expectNothing` (any packet ends it) ->
 * *closing* -> ended. A frame is written past the library straight to the wire: nothing is compressed or masked, so one buffer
 * serves all. What waits to be read has a bound, and nobody waits for anybody else's.
 */
export class LiveConnection {
  private readonly inbox: string[] = [];
  private waiting: ((packet: string | undefined) => void) | undefined;
  private telling = false;
  private closing: Closing | undefined;
  private readonly onEnds: (() => void)[] = [];
  private sweeps = 0;
  private sweepsBehind = 0;
  private sweepsClosing = 0;
  private pingsSinceSweep = 0;
  private answered = true;

  constructor(
    private readonly socket: WebSocket,
    private readonly wire: Duplex,
    private readonly limits: ConnectionLimits,
  ) {
    socket.on('message', (data) => {
      this.take(data);
    });
    socket.on('pong', () => (this.answered = true));
    socket.on('ping', () => {
      this.pingsSinceSweep += 1;
      if (this.pingsSinceSweep > pingsPerSweepMax) this.close('pings');
    });
    // Broken frames and broken connections: the library closes, and `close` follows.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.end();
    });
  }

  isOpen(): boolean {
    return this.closing === undefined && this.socket.readyState === WebSocket.OPEN;
  }

  /** Why this side ended it, if it did. */
  get endedBy(): Closing | undefined {
    return this.closing;
  }

  /** What was written and not taken by the network yet. */
  get backlogBytes(): number {
    return this.socket.bufferedAmount;
  }

  onEnd(listener: () => void): void {
    this.onEnds.push(listener);
  }

  /** The client's next packet. Undefined when the connection ended first; a client that stays silent ends it so. */
  receive(withinMs: number): Promise<string | undefined> {
    const early = this.inbox.shift();
    if (early !== undefined || !this.isOpen()) return Promise.resolve(early);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.close('silent');
      }, withinMs);
      this.waiting = (packet) => {
        clearTimeout(timer);
        this.waiting = undefined;
        resolve(packet);
      };
    });
  }

  /** From here on a packet of the client is one too many. */
  expectNothing(): void {
    this.telling = true;
    if (this.inbox.length > 0) this.close('stray');
  }

  send(frame: Frame): void {
    if (!this.isOpen()) return;
    if (this.socket.bufferedAmount > this.limits.backlogBytesMax) this.close('slow');
    else this.wire.write(frame);
  }

  close(closing: Closing): void {
    if (this.closing !== undefined) return;
    this.closing = closing;
    this.waiting?.(undefined);
    // A client that doesn't read would never read this either.
    if (closing === 'slow' && this.socket.bufferedAmount > this.limits.backlogBytesMax) this.cutOff();
    else this.socket.close(closings[closing], closing);
  }

  cutOff(): void {
    this.socket.terminate();
  }

  /** Once a second: finds those who don't read, don't answer, or don't go. */
  sweep(): void {
    this.pingsSinceSweep = 0;
    if (this.closing !== undefined) {
      this.sweepsClosing += 1;
      if (this.sweepsClosing > closeSweepsMax) this.cutOff();
      return;
    }
    this.sweepsBehind = this.socket.bufferedAmount > patientBytesMax ? this.sweepsBehind + 1 : 0;
    if (this.sweepsBehind > 1) this.close('slow');
    else this.ping();
  }

  private ping(): void {
    this.sweeps += 1;
    if (this.sweeps % pingEverySweeps !== 0 || !this.isOpen()) return;
    if (!this.answered) {
      this.cutOff();
      return;
    }
    this.answered = false;
    this.socket.ping();
  }

  private take(data: RawData): void {
    if (this.closing !== undefined) return;
    const packet = Buffer.isBuffer(data) ? data.toString('utf8') : '';
    if (this.waiting !== undefined) this.waiting(packet);
    else if (this.telling || this.inbox.length > 0) this.close('stray');
    else this.inbox.push(packet);
  }

  private end(): void {
    this.waiting?.(undefined);
    for (const listener of this.onEnds) listener();
  }
}
