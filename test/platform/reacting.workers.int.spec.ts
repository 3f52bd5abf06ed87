import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandAddresses } from '../../src/platform/deciding/command-addresses.js';
import { Decider } from '../../src/platform/deciding/decider.js';
import type { StreamCommand } from '../../src/platform/deciding/stream-command.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';
import { Tail } from '../../src/platform/event-store/tail.js';
import { Leases } from '../../src/platform/leasing/lease.js';
import { Checkpoints } from '../../src/platform/reacting/checkpoints.js';
import { DeadLetters } from '../../src/platform/reacting/dead-letters.js';
import { Deadlines } from '../../src/platform/reacting/deadlines.js';
import type { Process } from '../../src/platform/reacting/process.js';
import { Reactors } from '../../src/platform/reacting/reactors.js';
import { aDatabase } from '../support/a-database.js';
import { eventually } from '../support/eventually.js';
import { guestTable, TableCommand, tableEvents, type TableEvent, type TableWish } from './deciding.guests.js';
import { ObservedReactions, seated } from './reacting.restaurant.js';

let db: Awaited<ReturnType<typeof aDatabase>>;
const workers: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  db = await aDatabase();
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
});
afterAll(() => db.close());

/** Everybody who is seated somewhere gets a place at a bar of their own, and leaves it a moment later. */
const bar: Process<TableEvent> = {
  name: 'bar',
  startsAt: 'beginning',
  on: {
    GuestSeated: async ({ guest }, reaction, { stream }) => {
      if (stream.startsWith('table-bar')) return;
      await reaction.send(TableCommand, `bar-${guest}`, { type: 'SeatGuestOnce', guest });
      const dueAt = new Date(Date.now() + 20);
      await reaction.sendAt({ key: guest, dueAt }, TableCommand, `bar-${guest}`, { type: 'LetGuestLeave', guest });
    },
  },
};

/** A whole worker as the program has it, on the database that all workers share. */
function aWorker(name: string) {
  const codec = new EventCodec([tableEvents]);
  const store = new PostgresEventStore(db.database, codec, {
    eventBytesMax: 100_000,
    appendEventsMax: 1_000,
    appendQueueMax: 1_000,
  });
  const decider = new Decider(guestTable, store, { commandDone: () => undefined });
  const commands = {
    execute: ({ id, payload, cause }: StreamCommand) => decider.carryOut(id, payload as TableWish, cause),
  };
  const address = {
    category: 'table',
    message: TableCommand,
    commandOf: (id: string, payload: TableWish, cause: StreamCommand['cause']) => new TableCommand(id, payload, cause),
  };
  const leases = new Leases(db.database, name, { leaseMs: 600, tickMs: 100 });
  const tail = new Tail(store);
  const observer = new ObservedReactions();
  const reactors = new Reactors([bar], {
    ...{ store, tail, leases, observer },
    checkpoints: new Checkpoints(db.database),
    deadLetters: new DeadLetters(db.database),
    acting: { commands, addresses: new CommandAddresses([{ address }]), deadlines: new Deadlines(db.database) },
  });
  const worker = {
    store,
    observer,
    start: () => {
      reactors.start();
    },
    stop: async () => {
      await reactors.stop();
      await leases.close();
      await tail.close();
      await store.close();
    },
  };
  workers.push(worker);
  return worker;
}

async function seatsTaken(worker: ReturnType<typeof aWorker>): Promise<Record<string, readonly string[]>> {
  const { events } = await worker.store.readAll({ after: 0n, limit: 10_000 });
  const types: Record<string, string[]> = {};
  for (const { stream, event } of events) {
    if (stream.startsWith('table-bar')) (types[stream] ??= []).push(event.type);
  }
  return types;
}

describe('several workers on one database', () => {
  test('react to every event once between them, also when one of them leaves and the rest takes over', async () => {
    const [one, two] = [aWorker('one'), aWorker('two')];
    one.start();
    two.start();
    const guests = Array.from({ length: 60 }, (_, index) => `g${String(index)}`);
    const happens = async (guest: string) =>
      one.store.append({
        writes: [{ stream: `table-${guest}`, expected: 'none', events: [seated(guest)] }],
        metadata: { correlationId: guest },
      });
    const three = aWorker('three');
    for (const [index, guest] of guests.entries()) {
      await happens(guest);
      await sleep(10);
      if (index === 20) await stopReacting(two);
      if (index === 30) three.start();
    }
    const expected = Object.fromEntries(guests.map((guest) => [`table-bar-${guest}`, ['GuestSeated', 'GuestLeft']]));
    await eventually(async () => expect(await seatsTaken(one)).toEqual(expected), 15_000);
    expect([one, two, three].flatMap(({ observer }) => [...observer.failures, ...observer.setAside])).toEqual([]);
  });
});

async function stopReacting(worker: ReturnType<typeof aWorker>): Promise<void> {
  workers.splice(workers.indexOf(worker), 1);
  await worker.stop();
}
