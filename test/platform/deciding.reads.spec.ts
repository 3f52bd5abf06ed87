import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { DecisionModel } from '../../src/kernel/decision-model.js';
import { event, type EventOf } from '../../src/kernel/event-family.js';
import { reads } from '../../src/platform/deciding/reads.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { InMemoryEventStore } from '../../src/platform/event-store/in-memory.event-store.js';

const family = { DoorPainted: event(z.object({ color: z.string() })) };
const door: DecisionModel<string, never, typeof family, never> = {
  category: 'door',
  events: family,
  initial: 'raw',
  evolve: (_, { color }) => color,
  decide: () => [],
};
class Doors extends reads<string>()(door) {}

function aStreet() {
  const store = new InMemoryEventStore(new EventCodec([family]));
  const paint = (id: string, color: string) => {
    const painted: EventOf<typeof family> = { type: 'DoorPainted', color };
    const writes = [{ stream: `door-${id}`, expected: 'any', events: [painted] }] as const;
    return store.append({ writes, metadata: { correlationId: 'test' } });
  };
  return { doors: new Doors(store), paint };
}

describe('reading the state of a stream', () => {
  test('folds what the log has, each time', async () => {
    const { doors, paint } = aStreet();
    expect(await doors.current('1')).toBe('raw');
    await paint('1', 'red');
    expect(await doors.current('1')).toBe('red');
    await paint('1', 'blue');
    expect(await doors.current('1')).toBe('blue');
  });

  test('as last seen is content with what it knows', async () => {
    const { doors, paint } = aStreet();
    await paint('1', 'red');
    expect(await doors.lastSeen('1')).toBe('red');
    await paint('1', 'blue');
    expect(await doors.lastSeen('1')).toBe('red');
    await doors.current('1');
    expect(await doors.lastSeen('1')).toBe('blue');
  });

  test('as last seen looks again for a stream that was not there', async () => {
    const { doors, paint } = aStreet();
    expect(await doors.lastSeen('1')).toBe('raw');
    await paint('1', 'red');
    expect(await doors.lastSeen('1')).toBe('red');
  });
});
