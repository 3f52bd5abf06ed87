import { Module, type DynamicModule } from '@nestjs/common';
import { Database } from '../database/database.js';
import { EventCodec } from '../event-store/event-codec.js';
import { EventStore } from '../event-store/event-store.js';
import type { Projection } from '../projecting/projection.js';
import { AsOfHttp } from './as-of.http.js';
import { TimeTravel } from './time-travel.js';

@Module({})
export class TimeTravelModule {
  static forRoot({ projections }: { readonly projections: readonly Projection[] }): DynamicModule {
    return {
      module: TimeTravelModule,
      controllers: [AsOfHttp],
      providers: [
        {
          provide: TimeTravel,
          useFactory: (database: Database, store: EventStore, codec: EventCodec) =>
            new TimeTravel({ database, store, codec, projections }),
          inject: [Database, EventStore, EventCodec],
        },
      ],
    };
  }
}
