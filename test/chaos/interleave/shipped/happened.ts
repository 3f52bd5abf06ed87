import { z } from 'zod';
import { event } from '../../../../src/kernel/event-family.js';
import { EventCodec } from '../../../../src/platform/event-store/event-codec.js';
import { projection } from '../../../../src/platform/projecting/projection.js';
import { table } from '../../../../src/platform/projecting/table.js';

/** All that happens in this run, and a read model that counts how often each of it arrived. */
export const family = { InterleavedHappened: event(z.strictObject({ command: z.string() })) };
export const codec = new EventCodec([family]);
export const limits = { eventBytesMax: 10_000, appendEventsMax: 100, appendQueueMax: 100 };

export const deliveries = projection<typeof family>()({
  name: 'interleaved',
  version: 1,
  tables: {
    interleaved: table({ name: 'interleaved', columns: { position: 'bigint', times: 'integer' }, key: ['position'] }),
  },
  when: {
    InterleavedHappened: (_event, rows, { position }) => {
      rows.interleaved.add({ position: Number(position) }, { times: 1 });
    },
  },
});
