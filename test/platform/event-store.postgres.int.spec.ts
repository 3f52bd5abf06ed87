import { describe, expect, test } from '@jest/globals';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import type { QueryConfig } from 'pg';
import { z } from 'zod';
import { event } from '../../src/kernel/event-family.js';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';
import type { EventStore } from '../../src/platform/event-store/event-store.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { type ContractSubject, eventStoreContract } from './event-store.contract.js';
import { renamedStreamsContract } from './event-store.renamed-streams.contract.js';

describe('the PostgreSQL event store', () => {
  const databases = new Map<EventStore, TestDatabase>();
  const subject: ContractSubject = {
    open: async (codec, limits, beside) => {
      const used = beside && databases.get(beside);
      const { database, close } = used ?? (await aDatabase());
      const store = new PostgresEventStore(database, codec, limits);
      if (used === undefined) databases.set(store, { url: database.url, database, close });
      return {
        store,
        close: async () => {
          await store.close();
          if (used === undefined) await close();
        },
      };
    },
  };
  eventStoreContract(subject);
  renamedStreamsContract(subject);

  test('never tells a version without its events, whatever is appended while it looks', async () => {
    const { database, close } = await aDatabase();
    const codec = new EventCodec([glassEvents]);
    const writer = new PostgresEventStore(database, codec, limits);
    let between: (() => Promise<unknown>) | undefined;
    const query = async (config: QueryConfig): Promise<unknown> => {
      // What a reader finds missing is there by the time it asks for the version.
      if (config.name?.endsWith('version') === true) await between?.();
      return database.pool.query(config);
    };
    const reader = new PostgresEventStore({ pool: { query } } as never, codec, limits);
    const fill = (): Promise<unknown> => {
      between = undefined;
      const writes = [{ stream: 'glass-1', expected: 'any', events: [{ type: 'GlassFilled' }] }] as const;
      return writer.append({ writes, metadata: { correlationId: 'test' } });
    };
    for (const range of [{}, { from: 2 }, { direction: 'backwards', from: 3 }] as const) {
      between = fill;
      const { events, version } = await reader.readStream('glass-1', range);
      expect(events.at(range.direction === undefined ? -1 : 0)?.version).toBe(version);
    }
    await Promise.all([writer.close(), reader.close()]);
    await close();
  });
});

const limits = { eventBytesMax: 1_000, appendEventsMax: 10, appendQueueMax: 10 };
const glassEvents = { GlassFilled: event(z.object({})) };
