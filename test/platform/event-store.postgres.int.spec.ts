import { describe } from '@jest/globals';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';
import { aDatabase } from '../support/a-database.js';
import { eventStoreContract } from './event-store.contract.js';

describe('the PostgreSQL event store', () => {
  eventStoreContract({
    open: async (codec, limits) => {
      const { database, close } = await aDatabase();
      const store = new PostgresEventStore(database, codec, limits);
      return {
        store,
        close: async () => {
          await store.close();
          await close();
        },
      };
    },
  });
});
