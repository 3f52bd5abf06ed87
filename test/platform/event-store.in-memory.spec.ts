import { describe } from '@jest/globals';
import { InMemoryEventStore } from '../../src/platform/event-store/in-memory.event-store.js';
import { type ContractSubject, eventStoreContract } from './event-store.contract.js';
import { renamedStreamsContract } from './event-store.renamed-streams.contract.js';

describe('the in-memory event store', () => {
  const subject: ContractSubject = {
    open: (codec, limits, beside) => {
      const store = beside ?? new InMemoryEventStore(codec, limits);
      // Its log ends with it, so there is no second one on the same log: the first stands for both.
      return Promise.resolve({ store, close: () => (beside === undefined ? store.close() : Promise.resolve()) });
    },
  };
  eventStoreContract(subject);
  renamedStreamsContract(subject);
});
