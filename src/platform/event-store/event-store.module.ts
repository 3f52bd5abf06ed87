import {
  Inject,
  Logger,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { EventFamily } from '../../kernel/event-family.js';
import { CONFIG, type Config } from '../config/config.js';
import { Database } from '../database/database.js';
import { EventCodec } from './event-codec.js';
import { EventStore } from './event-store.js';
import { LedgerExpiry } from './ledger-expiry.js';
import { PostgresEventStore } from './postgres.event-store.js';
import { Tail } from './tail.js';
import type { Upcast } from '../../kernel/upcast.js';

export interface EventStoreModuleOptions {
  readonly families: readonly EventFamily[];
  readonly upcasts: readonly Upcast[];
}

@Module({})
export class EventStoreModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(EventStore) private readonly store: EventStore,
    @Inject(Tail) private readonly tail: Tail,
    @Inject(LedgerExpiry) private readonly ledgerExpiry: LedgerExpiry,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  static forRoot({ families, upcasts }: EventStoreModuleOptions): DynamicModule {
    return {
      module: EventStoreModule,
      global: true,
      providers: [
        { provide: EventCodec, useFactory: () => new EventCodec(families, upcasts) },
        { provide: EventStore, useFactory: postgresEventStore, inject: [Database, EventCodec, CONFIG] },
        { provide: LedgerExpiry, useFactory: ledgerExpiry, inject: [Database, CONFIG] },
        { provide: Tail, useFactory: (store: EventStore) => new Tail(store), inject: [EventStore] },
      ],
      exports: [EventCodec, EventStore, Tail],
    };
  }

  onApplicationBootstrap(): void {
    if (this.config.CHORUS_ROLE !== 'api') this.ledgerExpiry.start();
  }

  /** Readers end before the store they read from. */
  async onApplicationShutdown(): Promise<void> {
    this.ledgerExpiry.stop();
    await this.tail.close();
    await this.store.close();
  }
}

function postgresEventStore(database: Database, codec: EventCodec, config: Config): EventStore {
  return new PostgresEventStore(database, codec, {
    eventBytesMax: config.EVENT_BYTES_MAX,
    appendEventsMax: config.APPEND_EVENTS_MAX,
    appendQueueMax: config.APPEND_QUEUE_MAX,
  });
}

/** A clean-up that fails is tried again an hour later; entries that stay too long harm nobody meanwhile. */
function ledgerExpiry(database: Database, config: Config): LedgerExpiry {
  const log = new Logger(LedgerExpiry.name);
  const onError = (error: unknown): void => {
    log.warn(error);
  };
  return new LedgerExpiry(database, { days: config.COMMAND_LEDGER_DAYS, onError });
}
