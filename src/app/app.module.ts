import { Module, type DynamicModule } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { projections } from '../../projections/registry.js';
import { DemoModule } from '../demo/demo.module.js';
import { AnalysingModule } from '../platform/analysing/analysing.module.js';
import type { ConfigWithSecrets } from '../platform/config/secrets.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import type { Database } from '../platform/database/database.js';
import { DeadLettersModule } from '../platform/dead-letters/dead-letters.module.js';
import { DecidingModule } from '../platform/deciding/deciding.module.js';
import { EventStoreModule } from '../platform/event-store/event-store.module.js';
import { HttpModule } from '../platform/http/http.module.js';
import { LeasingModule } from '../platform/leasing/leasing.module.js';
import { LiveModule } from '../platform/live/live.module.js';
import { ProjectingModule } from '../platform/projecting/projecting.module.js';
import { ExplainingModule } from '../platform/proving/explaining.module.js';
import { ProvingModule } from '../platform/proving/proving.module.js';
import { ReactingModule } from '../platform/reacting/reacting.module.js';
import { RebuildOperatingModule } from '../platform/rebuilding/rebuild-operating.module.js';
import { RebuildingModule } from '../platform/rebuilding/rebuilding.module.js';
import type { Log } from '../platform/telemetry/log.js';
import { TimeTravelModule } from '../platform/time-travel/time-travel.module.js';
import { announcers, commandHandlers, processes, slices } from './domain.js';
import { eventFamilies, upcasts } from './events.js';
import { VitalSigns } from './vital-signs.js';

export interface AppParts {
  readonly config: ConfigWithSecrets;
  readonly database: Database;
  readonly log: Log;
  /** Whether strangers may become guests: only where somebody tries the program on their own machine. */
  readonly guests?: boolean;
}

/**
 * Everything, put together.
 *
 * The order of the platform's modules is the order in which they start; they stop the other way round, after the last request
 * was answered: processes and projections first, then the leases they held, then the log, which flushes what it accepted. The
 * database is the program's, and closed after all of it.
 */
@Module({})
export class AppModule {
  static forRoot({ config, database, log, guests = false }: AppParts): DynamicModule {
    const platform = [
      HttpModule.forRoot({ config, log }),
      DatabaseModule.forRoot(database),
      EventStoreModule.forRoot({ families: eventFamilies, upcasts }),
      LeasingModule.forRoot(),
      CqrsModule.forRoot(),
      DecidingModule.forRoot({ handlers: commandHandlers }),
      ProjectingModule.forRoot({ projections }),
      RebuildingModule.forRoot({ projections }),
      ProvingModule.forRoot({ projections }),
      LiveModule.forRoot(),
      ReactingModule.forRoot({ processes }),
    ];
    // A worker has no routes but its own health; it still decides, for the commands that processes send.
    return config.CHORUS_ROLE === 'worker'
      ? { module: AppModule, imports: platform, providers: [VitalSigns, ...commandHandlers, ...announcers] }
      : {
          module: AppModule,
          imports: [
            ...platform,
            ...slices,
            AnalysingModule,
            DeadLettersModule,
            ExplainingModule.forRoot({ projections }),
            RebuildOperatingModule.forRoot({ projections }),
            TimeTravelModule.forRoot({ projections }),
            DemoModule.forRoot({ guests }),
          ],
          providers: [VitalSigns],
        };
  }
}
