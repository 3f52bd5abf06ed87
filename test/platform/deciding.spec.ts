import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Decider } from '../../src/platform/deciding/decider.js';
import { DecidingObserver, type CommandDone } from '../../src/platform/deciding/deciding-observer.js';
import { CommandRefused, StreamBusy } from '../../src/platform/deciding/refusals.js';
import type { Cause } from '../../src/platform/deciding/stream-command.js';
import {
  AppendOutcomeUnknown,
  CommandReused,
  StoreUnavailable,
  VersionConflict,
} from '../../src/platform/event-store/errors.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { InMemoryEventStore } from '../../src/platform/event-store/in-memory.event-store.js';
import { askingTwiceHappensOnce, given } from '../support/given.js';
import { InterposedStore } from '../support/interposed-store.js';
import { guestTable, tableEvents, type TableWish } from './deciding.guests.js';

class Observed extends DecidingObserver {
  readonly done: CommandDone[] = [];
  commandDone(done: CommandDone): void {
    this.done.push(done);
  }
}

/** Two processes on one log. The second is never interfered with: it is the one that gets in between. */
function restaurant(limits = { statesMax: 100, waitingMax: 5, attemptsMax: 8 }) {
  const log = new InMemoryEventStore(new EventCodec([tableEvents]));
  const store = new InterposedStore(log);
  const observed = new Observed();
  const here = new Decider(guestTable, store, observed, limits);
  const there = new Decider(guestTable, log, new Observed());
  const elsewhere = (wish: TableWish, cause: Cause = { correlationId: 'elsewhere' }) =>
    there.carryOut('1', wish, cause);
  const ask = (wish: TableWish, cause: Partial<Cause> = {}) =>
    here.carryOut('1', wish, { correlationId: 'here', ...cause });
  const seated = async () => {
    const { events } = await log.readStream('table-1');
    return events
      .map(({ event }) => event)
      .reduce((guests: readonly string[], event) => guestTable.evolve(guests, event as never), []);
  };
  return {
    log,
    store,
    observed,
    ask,
    elsewhere,
    seated,
    stepsOf: async (act: () => Promise<unknown>) => {
      const before = store.steps.length;
      await act();
      return store.steps.slice(before);
    },
  };
}

const seat = (guest: string): TableWish => ({ type: 'SeatGuest', guest });
const seatOnce = (guest: string): TableWish => ({ type: 'SeatGuestOnce', guest });
const leave = (guest: string): TableWish => ({ type: 'LetGuestLeave', guest });

describe('a command', () => {
  test('appends what was decided and says where', async () => {
    const { ask } = restaurant();
    await ask(seat('Ada'));
    const decided = await ask(seat('Bo'), { commandId: 'c-2', actor: 'waiter', causationId: 'e-1', trace: 't-1' });
    expect(decided).toMatchObject({ position: 2n, version: 2, repeated: false });
    expect(decided.events.map(({ event }) => event)).toEqual([{ type: 'GuestSeated', guest: 'Bo' }]);
    expect(decided.events[0]?.metadata).toEqual({
      correlationId: 'here',
      commandId: 'c-2',
      actor: 'waiter',
      causationId: 'e-1',
      trace: 't-1',
    });
  });

  test('keeps the fingerprint out of the metadata', async () => {
    const { ask } = restaurant();
    const { events } = await ask(seat('Ada'), { commandId: 'c-1', fingerprint: 'f' });
    expect(events[0]?.metadata).toEqual({ correlationId: 'here', commandId: 'c-1' });
  });

  test('that is refused throws the reason and writes nothing', async () => {
    const { ask, log } = restaurant();
    await ask(seatOnce('Ada'));
    await expect(ask(seatOnce('Ada'))).rejects.toMatchObject({
      name: 'CommandRefused',
      category: 'table',
      command: 'SeatGuestOnce',
      reason: 'AlreadySeated',
    });
    expect(await log.head()).toBe(1n);
  });

  test('whose wish is already so answers with the position that shows it', async () => {
    const { ask, elsewhere, log } = restaurant();
    await ask(seat('Ada'));
    await log.append({
      writes: [{ stream: 'table-2', expected: 'none', events: [{ type: 'GuestSeated', ...{ guest: 'X' } }] }],
      metadata: { correlationId: 'x' },
    });
    await elsewhere(seat('Bo'));
    expect(await ask(seat('Bo'))).toEqual({ position: 3n, version: 2, events: [], repeated: false });
  });

  test('is reported once, with its outcome', async () => {
    const { ask, observed, elsewhere, store } = restaurant();
    await ask(seatOnce('Ada'), { commandId: 'c-1' });
    await ask(seatOnce('Ada'), { commandId: 'c-1' });
    await ask(seat('Ada'));
    await expect(ask(seatOnce('Ada'))).rejects.toThrow(CommandRefused);
    store.before('append', () => elsewhere(seat('Bo')));
    await ask(seat('Cy'));
    store.before('append', () => Promise.reject(new StoreUnavailable()));
    await expect(ask(leave('Cy'))).rejects.toThrow(StoreUnavailable);
    expect(observed.done.map(({ outcome, attempts, events }) => [outcome, attempts, events])).toEqual([
      ['decided', 1, 1],
      ['repeated', 1, 1],
      ['unchanged', 1, 0],
      ['refused', 1, 0],
      ['decided', 2, 1],
      ['failed', 1, 0],
    ]);
    expect(observed.done[0]).toMatchObject({
      stream: 'table-1',
      category: 'table',
      command: 'SeatGuestOnce',
      correlationId: 'here',
    });
  });
});

describe('a stream in use', () => {
  test('costs one read, then one round trip per command', async () => {
    const { ask, stepsOf } = restaurant();
    expect(await stepsOf(() => ask(seat('Ada')))).toEqual(['readStream', 'append']);
    expect(await stepsOf(() => ask(seat('Bo')))).toEqual(['append']);
    expect(await stepsOf(() => ask(seatOnce('Cy'), { commandId: 'c-3' }))).toEqual(['append']);
  });

  test('is loaded again once its state was evicted', async () => {
    const { ask, store, log, observed } = restaurant({ statesMax: 1, waitingMax: 5, attemptsMax: 8 });
    await ask(seat('Ada'));
    const other = new Decider(guestTable, store, observed, { statesMax: 1, waitingMax: 5, attemptsMax: 8 });
    await other.carryOut('2', seat('Bo'), { correlationId: 'x' });
    await other.carryOut('1', seat('Cy'), { correlationId: 'x' });
    await other.carryOut('2', leave('Bo'), { correlationId: 'x' });
    expect((await log.readStream('table-1')).version).toBe(2);
    expect((await log.readStream('table-2')).version).toBe(2);
  });

  test('takes its commands in the order they came, one at a time', async () => {
    const { ask, log, store } = restaurant({ statesMax: 10, waitingMax: 50, attemptsMax: 1 });
    const guests = Array.from({ length: 20 }, (_, index) => String(index));
    await Promise.all(guests.flatMap((guest) => [ask(seat(guest)), ask(leave(guest))]));
    const { events } = await log.readStream('table-1');
    expect(events.map(({ event }) => event)).toEqual(
      guests.flatMap((guest) => [
        { type: 'GuestSeated', guest },
        { type: 'GuestLeft', guest },
      ]),
    );
    expect(store.steps.filter((step) => step === 'append')).toHaveLength(40);
  });

  test('refuses more commands than may wait, and takes new ones when the line is shorter', async () => {
    const { ask } = restaurant({ statesMax: 10, waitingMax: 2, attemptsMax: 8 });
    const asked = ['Ada', 'Bo', 'Cy', 'Di'].map((guest) => ask(seat(guest)));
    await expect(asked[3]).rejects.toThrow(StreamBusy);
    await Promise.all(asked.slice(0, 3));
    await ask(leave('Ada'));
  });

  test('goes on after a failure', async () => {
    const { ask, store, seated } = restaurant();
    store.before('append', () => Promise.reject(new StoreUnavailable()));
    const [first, second] = await Promise.allSettled([ask(seat('Ada')), ask(seat('Bo'))]);
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
    expect(await seated()).toEqual(['Bo']);
  });
});

describe('when another process appends in between', () => {
  test('the decision is made again on what is there now', async () => {
    const { ask, elsewhere, store, seated } = restaurant();
    store.before('append', () => elsewhere(seat('Bo')));
    expect(await ask(seat('Ada'))).toMatchObject({ version: 2 });
    expect(await seated()).toEqual(['Bo', 'Ada']);
  });

  test('what it did counts: the last seat is given once', async () => {
    const { ask, elsewhere, store, seated } = restaurant();
    await ask({ type: 'SeatParty', guests: ['Ada', 'Bo'] });
    store.before('append', () => elsewhere(seat('Cy')));
    await expect(ask(seat('Di'))).rejects.toMatchObject({ reason: 'TableFull' });
    expect(await seated()).toEqual(['Ada', 'Bo', 'Cy']);
  });

  test('only the tail is read', async () => {
    const { ask, elsewhere, store, stepsOf } = restaurant();
    await ask(seat('Ada'));
    store.before('append', () => elsewhere(seat('Bo')));
    expect(await stepsOf(() => ask(seat('Cy')))).toEqual(['append', 'readStream', 'append']);
  });

  test('every time, the conflict is thrown after a bounded number of attempts', async () => {
    const { ask, elsewhere, store, observed } = restaurant({ statesMax: 10, waitingMax: 5, attemptsMax: 4 });
    for (let time = 0; time < 4; time += 1) {
      store.before('append', () => elsewhere(time % 2 === 0 ? seat('Bo') : leave('Bo')));
    }
    await expect(ask(seat('Ada'))).rejects.toThrow(VersionConflict);
    expect(observed.done.at(-1)).toMatchObject({ outcome: 'failed', attempts: 4 });
  });

  test('a refusal that was true a moment ago is not given', async () => {
    const { ask, elsewhere, seated } = restaurant();
    await ask({ type: 'SeatParty', guests: ['Ada', 'Bo', 'Cy'] });
    await elsewhere(leave('Bo'));
    await ask(seat('Di'));
    expect(await seated()).toEqual(['Ada', 'Cy', 'Di']);
  });

  test('"already so" that was true a moment ago is not answered, with and without a command id', async () => {
    const { ask, elsewhere, seated } = restaurant();
    await ask(seat('Ada'));
    await elsewhere(leave('Ada'));
    await ask(seat('Ada'));
    expect(await seated()).toEqual(['Ada']);
    await elsewhere(leave('Ada'));
    await ask(seat('Ada'), { commandId: 'again' });
    expect(await seated()).toEqual(['Ada']);
  });

  test('a log that was set back to an earlier day is believed', async () => {
    const { observed } = restaurant();
    const logs = [
      new InMemoryEventStore(new EventCodec([tableEvents])),
      new InMemoryEventStore(new EventCodec([tableEvents])),
    ] as const;
    let log = logs[0];
    const restored = new Proxy(log, {
      get: (_, key: keyof InMemoryEventStore) => (log[key] as () => unknown).bind(log),
    });
    const decider = new Decider(guestTable, restored, observed);
    await decider.carryOut('1', seat('Ada'), { correlationId: 'x' });
    await decider.carryOut('1', seat('Bo'), { correlationId: 'x' });
    log = logs[1];
    expect(await decider.carryOut('1', seat('Cy'), { correlationId: 'x' })).toMatchObject({ version: 1 });
    expect(await decider.carryOut('1', seat('Ada'), { correlationId: 'x' })).toMatchObject({ version: 2 });
  });
});

describe('a command that comes again', () => {
  test('gets its first result, though it would be refused now', async () => {
    const { ask, log } = restaurant();
    const first = await ask(seatOnce('Ada'), { commandId: 'c-1' });
    await ask(seat('Bo'));
    expect(await ask(seatOnce('Ada'), { commandId: 'c-1' })).toEqual({ ...first, repeated: true });
    expect(await log.head()).toBe(2n);
  });

  test('gets its first result, though it would do something now', async () => {
    const { ask, seated } = restaurant();
    const first = await ask(seat('Ada'), { commandId: 'c-1' });
    await ask(leave('Ada'));
    expect(await ask(seat('Ada'), { commandId: 'c-1' })).toEqual({ ...first, repeated: true });
    expect(await seated()).toEqual([]);
  });

  test('gets "already so", though it would do something now', async () => {
    const { ask, elsewhere, seated } = restaurant();
    await ask(seat('Ada'));
    const first = await ask(seat('Ada'), { commandId: 'c-1' });
    expect(first).toMatchObject({ events: [], repeated: false });
    await elsewhere(leave('Ada'));
    expect(await ask(seat('Ada'), { commandId: 'c-1' })).toMatchObject({
      position: first.position,
      events: [],
      repeated: true,
    });
    expect(await seated()).toEqual([]);
  });

  test('through another process while the first try is on its way happens once', async () => {
    const { ask, elsewhere, store, seated } = restaurant();
    store.before('append', () => elsewhere(seatOnce('Ada'), { correlationId: 'here', commandId: 'c-1' }));
    expect(await ask(seatOnce('Ada'), { commandId: 'c-1' })).toMatchObject({ version: 1, repeated: true });
    expect(await seated()).toEqual(['Ada']);
  });

  test('and meets the first try between reading the stream and asking the ledger is still answered', async () => {
    const { ask, elsewhere, store } = restaurant();
    store.before('readStream', () => elsewhere(seatOnce('Ada'), { correlationId: 'here', commandId: 'c-1' }));
    expect(await ask(seatOnce('Ada'), { commandId: 'c-1' })).toMatchObject({ version: 1, repeated: true });
  });

  test('asking for something else is a mistake of the client, found also when it would be refused', async () => {
    const { ask } = restaurant();
    await ask(seatOnce('Ada'), { commandId: 'c-1' });
    await expect(ask(seat('Bo'), { commandId: 'c-1' })).rejects.toThrow(CommandReused);
    await ask(seatOnce('Bo'), { commandId: 'c-2' });
    await expect(ask(seatOnce('Bo'), { commandId: 'c-1' })).rejects.toThrow(CommandReused);
  });

  test('is known by the fingerprint that the sender gives, whatever fresh ids the payload holds', async () => {
    const { ask } = restaurant();
    await ask(seat('Ada'), { commandId: 'c-1', fingerprint: 'POST /guests' });
    expect(await ask(seat('Bo'), { commandId: 'c-1', fingerprint: 'POST /guests' })).toMatchObject({ repeated: true });
  });

  test('does not spoil the state that is kept in memory', async () => {
    const { ask, elsewhere, seated } = restaurant();
    await ask(seat('Ada'), { commandId: 'c-1' });
    await elsewhere(leave('Ada'));
    await ask(seat('Ada'), { commandId: 'c-1' });
    await ask(seat('Bo'));
    await ask(leave('Bo'));
    expect(await seated()).toEqual([]);
  });
});

describe('when the answer of the log is lost', () => {
  const lost = () => Promise.reject(new AppendOutcomeUnknown('The connection broke.'));

  test.each([{ commandId: 'c-1' }, {}])(
    'after the append was written, it is found to have been (%j)',
    async (cause) => {
      const { ask, store, log, seated } = restaurant();
      store.after('append', lost);
      const decided = await ask({ type: 'SeatParty', guests: ['Ada', 'Bo'] }, cause);
      expect(decided).toMatchObject({ position: 2n, version: 2, repeated: false });
      expect(decided.events).toHaveLength(2);
      expect(await log.head()).toBe(2n);
      await ask(seat('Cy'));
      expect(await seated()).toEqual(['Ada', 'Bo', 'Cy']);
    },
  );

  test.each([{ commandId: 'c-1' }, {}])('before the append was written, it is made again (%j)', async (cause) => {
    const { ask, store, log } = restaurant();
    store.before('append', lost);
    expect(await ask(seatOnce('Ada'), cause)).toMatchObject({ position: 1n, version: 1, repeated: false });
    expect(await log.head()).toBe(1n);
  });

  test.each([{ commandId: 'c-1' }, {}])(
    'and another process went on since, what was written is recognised (%j)',
    async (cause) => {
      const { ask, store, elsewhere, seated } = restaurant();
      store.after('append', async () => {
        await elsewhere(leave('Ada'));
        return lost();
      });
      expect(await ask(seat('Ada'), cause)).toMatchObject({ version: 1, repeated: false });
      expect(await seated()).toEqual([]);
      await ask(seat('Bo'));
      expect(await seated()).toEqual(['Bo']);
    },
  );

  test.each([{ commandId: 'c-1' }, {}])(
    "and the same was done by somebody else, it is not taken for one's own (%j)",
    async (cause) => {
      const { ask, store, elsewhere } = restaurant();
      store.before('append', async () => {
        await elsewhere(seatOnce('Ada'));
        return lost();
      });
      await expect(ask(seatOnce('Ada'), cause)).rejects.toMatchObject({ reason: 'AlreadySeated' });
    },
  );

  test('and others take the version again and again, nothing was written and the conflict is what is reported', async () => {
    const { ask, store, elsewhere } = restaurant({ statesMax: 10, waitingMax: 5, attemptsMax: 3 });
    store.before('append', lost);
    store.before('append', () => elsewhere(seat('Bo')));
    store.before('append', () => elsewhere(seat('Cy')));
    await expect(ask(seat('Ada'))).rejects.toThrow(VersionConflict);
  });

  test('and the log stays away, the doubt is what is reported', async () => {
    const { ask, store } = restaurant({ statesMax: 10, waitingMax: 5, attemptsMax: 3 });
    store.after('append', lost);
    store.before('append', () => Promise.resolve());
    store.before('append', () => Promise.reject(new StoreUnavailable()));
    store.before('append', () => Promise.reject(new StoreUnavailable()));
    await expect(ask(seat('Ada'))).rejects.toThrow(AppendOutcomeUnknown);
  });
});

describe('several processes, asking at random and repeating themselves', () => {
  test('never seat a guest twice or more guests than there are seats', async () => {
    const wish = fc.record({
      process: fc.nat(2),
      guest: fc.constantFrom('Ada', 'Bo', 'Cy', 'Di', 'Ed'),
      leaves: fc.boolean(),
      commandId: fc.option(fc.constantFrom('1', '2', '3'), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(wish, { maxLength: 25 }), async (wishes) => {
        const log = new InMemoryEventStore(new EventCodec([tableEvents]));
        const processes = [0, 1, 2].map(
          () => new Decider(guestTable, log, new Observed(), { statesMax: 2, waitingMax: 99, attemptsMax: 99 }),
        );
        await Promise.allSettled(
          wishes.map(({ process, guest, leaves, commandId }) =>
            processes[process]!.carryOut('1', leaves ? leave(guest) : seat(guest), {
              correlationId: 'x',
              ...(commandId !== undefined && { commandId: `${commandId}-${guest}-${String(leaves)}` }),
            }),
          ),
        );
        const { events } = await log.readStream('table-1');
        const ids = events.map(({ metadata }) => metadata.commandId).filter((id) => id !== undefined);
        expect(new Set(ids).size).toBe(ids.length);
        const guests = new Set<unknown>();
        for (const { event } of events) {
          const [type, guest] = Object.values(event);
          expect(guests.has(guest)).toBe(type === 'GuestLeft');
          if (type === 'GuestLeft') guests.delete(guest);
          else guests.add(guest);
          expect(guests.size).toBeLessThanOrEqual(3);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('the words that decision models are tested with', () => {
  test('tell events, refusals and nothing apart', () => {
    given(guestTable)
      .when(seat('Ada'))
      .thenEvents([{ type: 'GuestSeated', guest: 'Ada' }]);
    given(guestTable, [{ type: 'GuestSeated', guest: 'Ada' }])
      .when(seat('Ada'))
      .thenNothing();
    given(guestTable, [{ type: 'GuestSeated', guest: 'Ada' }])
      .when(seatOnce('Ada'))
      .thenRefused('AlreadySeated');
    expect(() => given(guestTable).when(seat('Ada')).thenNothing()).toThrow();
    expect(() => given(guestTable).when(seat('Ada')).thenRefused('TableFull')).toThrow();
  });

  test('find a model that does something twice, and one that changes its state in place', () => {
    const wishes = fc.constantFrom('Ada', 'Bo').chain((guest) => fc.constantFrom(seat(guest), leave(guest)));
    askingTwiceHappensOnce(guestTable, wishes);
    const forgetful = { ...guestTable, evolve: () => [] };
    expect(() => askingTwiceHappensOnce(forgetful, wishes)).toThrow();
    const inPlace = {
      ...guestTable,
      evolve: (guests: readonly string[]) => {
        (guests as string[]).push('Ada');
        return guests;
      },
    };
    expect(() => given(inPlace, [{ type: 'GuestSeated', guest: 'Ada' }]).when(seat('Ada'))).toThrow(TypeError);
  });
});
