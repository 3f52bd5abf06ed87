import {
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { EventStore } from '../event-store/event-store.js';
import { Tail } from '../event-store/tail.js';
import { HealthChecks } from '../telemetry/health.js';
import { LOG, type Log } from '../telemetry/log.js';
import { announceAppends, type Announcement } from './announcer.js';
import { FanOut, InProcessFanOut } from './fan-out.js';
import { LiveGateway } from './live-gateway.js';
import { LiveLog } from './log-follower.js';
import { RedisFanOut } from './redis.fan-out.js';

const ANNOUNCEMENTS = Symbol('Announcements');

/** What goes on between processes and to clients while it happens. Every process announces; the gateway serves where routes are. */
@Module({})
export class LiveModule implements OnApplicationBootstrap, OnApplicationShutdown {
  private stopAnnouncing: (() => void) | undefined;

  constructor(
    @Inject(EventStore) private readonly store: EventStore,
    @Inject(Tail) private readonly tail: Tail,
    @Inject(FanOut) private readonly fanOut: FanOut,
    @Inject(HealthChecks) private readonly health: HealthChecks,
    @Inject(ANNOUNCEMENTS) private readonly announcements: readonly Announcement[],
  ) {}

  static forRoot({ announcements }: { readonly announcements: readonly Announcement[] }): DynamicModule {
    return {
      module: LiveModule,
      global: true,
      providers: [
        { provide: ANNOUNCEMENTS, useValue: announcements },
        { provide: FanOut, useFactory: fanOut, inject: [CONFIG, LOG] },
        LiveGateway,
        LiveLog,
      ],
      exports: [FanOut, LiveGateway, LiveLog],
    };
  }

  onApplicationBootstrap(): void {
    const { store, tail, fanOut } = this;
    this.stopAnnouncing = announceAppends({ store, tail, fanOut }, this.announcements);
    if (fanOut.health() !== undefined) this.health.add('redis', () => fanOut.health() ?? { ok: true });
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopAnnouncing?.();
    await this.fanOut.close();
  }
}

function fanOut({ REDIS_URL }: Config, log: Log): FanOut {
  if (REDIS_URL === undefined) return new InProcessFanOut();
  return new RedisFanOut(
    REDIS_URL,
    oncePerMinute((err) => log.warn({ err }, 'Redis is away')),
  );
}

/** A Redis that is away is tried again several times a second, and each failure says the same. */
function oncePerMinute(tell: (error: unknown) => void): (error: unknown) => void {
  let toldAt = -Infinity;
  return (error) => {
    if (performance.now() - toldAt < 60_000) return;
    toldAt = performance.now();
    tell(error);
  };
}
