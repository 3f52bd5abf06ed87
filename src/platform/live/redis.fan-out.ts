import { Redis } from 'ioredis';
import type { Finding } from '../telemetry/health.js';
import { FanOut } from './fan-out.js';

const underWayMax = 1_000;
const connectMsMax = 2_000;
const silenceMsMax = 5_000;
const retryMsMax = 2_000;
/** The driver waits this long also for a connection that is gone already, and the program with it. */
const disconnectMsMax = 100;

/**
 * Fan-out over Redis.
 *
 * While Redis is away, what is published is dropped on the spot, and both connections are tried again in the background. A
 * Redis that accepts and never answers is treated like one that is gone: no more than a bounded number of messages waits for
 * it, and a connection that stays silent is given up.
 */
export class RedisFanOut extends FanOut {
  readonly reachesOthers = true;
  private readonly publisher: Redis;
  private readonly subscriber: Redis;
  private readonly listeners = new Map<string, (message: string) => void>();
  private underWay = 0;
  private dropped = 0;

  constructor(
    url: string,
    private readonly onTrouble: (error: unknown) => void,
  ) {
    super();
    this.publisher = this.connect(url, { socketTimeout: silenceMsMax });
    this.subscriber = this.connect(url, {});
    this.subscriber.on('pmessage', (pattern: string, _channel: string, message: string) => {
      this.listeners.get(pattern)?.(message);
    });
  }

  publish(channel: string, message: () => string): void {
    if (this.publisher.status !== 'ready' || this.underWay >= underWayMax) {
      this.dropped += 1;
      return;
    }
    this.underWay += 1;
    void this.publisher
      .publish(channel, message())
      .catch(() => (this.dropped += 1))
      .finally(() => (this.underWay -= 1));
  }

  listen(pattern: string, listener: (message: string) => void): void {
    this.listeners.set(pattern, listener);
    // After a lost connection the driver subscribes again; here it is told when there is one for the first time.
    const subscribe = (): void => {
      this.subscriber.psubscribe(pattern).catch(this.onTrouble);
    };
    if (this.subscriber.status === 'ready') subscribe();
    else this.subscriber.once('ready', subscribe);
  }

  /** Without Redis everything still works, only a few hundredths of a second later; that must take no program out of service. */
  health(): Finding {
    const connected = this.publisher.status === 'ready' && this.subscriber.status === 'ready';
    const facts = { connected, dropped: this.dropped };
    return connected
      ? { ok: true, facts }
      : { ok: true, why: 'degraded: Redis is away, so other processes are heard of by polling', facts };
  }

  close(): Promise<void> {
    this.publisher.disconnect();
    this.subscriber.disconnect();
    return Promise.resolve();
  }

  private connect(url: string, options: { readonly socketTimeout?: number }): Redis {
    const redis = new Redis(url, {
      ...options,
      connectTimeout: connectMsMax,
      disconnectTimeout: disconnectMsMax,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 8), retryMsMax),
      enableReadyCheck: true,
      keepAlive: 5_000,
    });
    redis.on('error', this.onTrouble);
    return redis;
  }
}
