import { eventFamilies, upcasts } from '../app/events.js';
import type { Config } from '../platform/config/config.js';
import type { Database } from '../platform/database/database.js';
import { EventCodec } from '../platform/event-store/event-codec.js';
import type { EventStore } from '../platform/event-store/event-store.js';
import { PostgresEventStore } from '../platform/event-store/postgres.event-store.js';
import { withMigratedDatabase } from './open-database.js';

export interface OpenLog {
  readonly database: Database;
  readonly store: EventStore;
  readonly codec: EventCodec;
}

/** The log as the program reads it: every event lifted to its current version. */
export async function withLog(config: Config, work: (log: OpenLog) => Promise<void>): Promise<void> {
  await withMigratedDatabase(config, async (database) => {
    const codec = new EventCodec(eventFamilies, upcasts);
    const store = new PostgresEventStore(database, codec, {
      eventBytesMax: config.EVENT_BYTES_MAX,
      appendEventsMax: config.APPEND_EVENTS_MAX,
      appendQueueMax: config.APPEND_QUEUE_MAX,
    });
    try {
      await work({ database, store, codec });
    } finally {
      await store.close();
    }
  });
}
