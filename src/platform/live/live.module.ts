import {
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { HealthChecks } from '../telemetry/health.js';
import { LOG, type Log } from '../telemetry/log.js';
import { Announcer } from './announcer.js';
import { FanOut, NoFanOut } from './fan-out.js';
import { LiveGateway } from './live-gateway.js';
import { LiveLog } from './log-follower.js';
import { RedisFanOut } from './redis.fan-out.js';

/** What goes on between processes and to clients while it happens. Every process announces; the gateway serves where routes are. */
@Module({})
export class LiveModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(FanOut) private readonly fanOut: FanOut,
    @Inject(HealthChecks) private readonly health: HealthChecks,
  ) {}

  static forRoot(): DynamicModule {
    return {
      module: LiveModule,
      global: true,
      providers: [{ provide: FanOut, useFactory: fanOut, inject: [CONFIG, LOG] }, Announcer, LiveGateway, LiveLog],
      exports: [Announcer, FanOut, LiveGateway, LiveLog],
    };
  }

  onApplicationBootstrap(): void {
    const { fanOut } = this;
    if (fanOut.health() !== undefined) this.health.add('redis', () => fanOut.health() ?? { ok: true });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.fanOut.close();
  }
}

function fanOut({ REDIS_URL }: Config, log: Log): FanOut {
  if (REDIS_URL === undefined) return new NoFanOut();
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
