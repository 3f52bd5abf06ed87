import {
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { CONFIG, type Config } from '../config/config.js';
import { Database } from '../database/database.js';
import { EventCodec } from '../event-store/event-codec.js';
import { EventStore } from '../event-store/event-store.js';
import { Leases, type Hold } from '../leasing/lease.js';
import type { Projection } from '../projecting/projection.js';
import { LOG, type Log } from '../telemetry/log.js';
import { Rebuilder, rebuildsLease } from './rebuilder.js';
import { Rebuilds } from './rebuilds.js';

const REBUILT = Symbol('Rebuilt projections');

/** The roles that work carry out the rebuilds that somebody asked for, one process at a time. */
@Module({})
export class RebuildingModule implements OnApplicationBootstrap, OnApplicationShutdown {
  private hold: Hold | undefined;

  constructor(
    private readonly modules: ModuleRef,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
    @Inject(REBUILT) private readonly projections: readonly Projection[],
    private readonly database: Database,
  ) {}

  static forRoot({ projections }: { readonly projections: readonly Projection[] }): DynamicModule {
    return { module: RebuildingModule, providers: [{ provide: REBUILT, useValue: projections }] };
  }

  onApplicationBootstrap(): void {
    if (this.config.CHORUS_ROLE === 'api') return;
    const rebuilder = new Rebuilder(this.projections, {
      database: this.database,
      store: this.part(EventStore),
      codec: this.part(EventCodec),
      rebuilds: this.part(Rebuilds),
      graceMs: this.config.REBUILD_GRACE_MINUTES * 60_000,
      onFailure: (err) => {
        this.log.error({ err }, 'rebuild failed; trying again');
      },
      onNews: ({ projection, version, state, events, problem }) => {
        const about = { projection, version, state, events };
        if (problem === null) this.log.info(about, 'rebuild');
        else this.log.warn({ ...about, problem }, 'rebuild stopped');
      },
    });
    this.hold = this.part(Leases).hold(rebuildsLease, (lease) => rebuilder.run(lease));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.hold?.stop();
  }

  private part<Part>(part: abstract new (...args: never) => Part): Part {
    return this.modules.get<Part>(part, { strict: false });
  }
}
