import { describe } from '@jest/globals';
import { InMemoryEventStore } from '../../src/platform/event-store/in-memory.event-store.js';
import { eventStoreContract } from './event-store.contract.js';

describe('the in-memory event store', () => {
  eventStoreContract({
    open: (codec, limits) => {
      const store = new InMemoryEventStore(codec, limits);
      return Promise.resolve({ store, close: () => store.close() });
    },
  });
});
