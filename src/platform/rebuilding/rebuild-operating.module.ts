import { Module, type DynamicModule } from '@nestjs/common';
import { OpenStreams } from '../analysing/open-streams.js';
import { Database } from '../database/database.js';
import { EventCodec } from '../event-store/event-codec.js';
import { EventStore } from '../event-store/event-store.js';
import { Builds } from '../projecting/builds.js';
import type { Projection } from '../projecting/projection.js';
import { RebuildOrders } from './rebuild-orders.js';
import { RebuildProgressStreams } from './rebuild-progress-streams.js';
import { RebuildingHttp } from './rebuilding.http.js';
import { Rebuilds } from './rebuilds.js';

/** Rebuilds for those who operate the program over HTTP, in every role that has routes. */
@Module({})
export class RebuildOperatingModule {
  static forRoot({ projections }: { readonly projections: readonly Projection[] }): DynamicModule {
    return {
      module: RebuildOperatingModule,
      controllers: [RebuildingHttp],
      providers: [
        RebuildProgressStreams,
        { provide: OpenStreams, useFactory: () => new OpenStreams() },
        {
          provide: RebuildOrders,
          useFactory: (database: Database, store: EventStore, codec: EventCodec, builds: Builds, rebuilds: Rebuilds) =>
            new RebuildOrders(projections, { builds, rebuilds, planning: { database, store, codec } }),
          inject: [Database, EventStore, EventCodec, Builds, Rebuilds],
        },
      ],
    };
  }
}
