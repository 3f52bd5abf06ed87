import { randomUUID } from 'node:crypto';
import { Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { Database } from '../database/database.js';
import { LOG, type Log } from '../telemetry/log.js';
import { Leases } from './lease.js';

/** The leases of this process, one set for all that is done under them, so that all of it is shared out together. */
@Module({})
export class LeasingModule implements OnApplicationShutdown {
  constructor(private readonly leases: Leases) {}

  static forRoot(): DynamicModule {
    return {
      module: LeasingModule,
      global: true,
      providers: [
        {
          provide: Leases,
          useFactory: (database: Database, log: Log) =>
            new Leases(database, randomUUID(), {
              onFailure: (lease, err) => {
                log.warn({ lease, err }, 'lease failed');
              },
            }),
          inject: [Database, LOG],
        },
      ],
      exports: [Leases],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.leases.close();
  }
}
