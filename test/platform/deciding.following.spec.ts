import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { refuse, type DecisionModel } from '../../src/kernel/decision-model.js';
import { event } from '../../src/kernel/event-family.js';
import { Decider, decidingLimits } from '../../src/platform/deciding/decider.js';
import { type Addressed, followedBy } from '../../src/platform/deciding/following.js';
import { AppendOutcomeUnknown } from '../../src/platform/event-store/errors.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { InMemoryEventStore } from '../../src/platform/event-store/in-memory.event-store.js';
import { InterposedStore } from '../support/interposed-store.js';
import { guestTable, tableEvents, type TableEvent, type TableWish } from './deciding.guests.js';

/** A kitchen that cooks for every guest who is seated, until it is closed; the guest's dish is a stream of its own. */
const dishEvents = { DishOrdered: event(z.object({ guest: z.string() })), DishSoldOut: event(z.object({})) };
interface DishWish {
  readonly type: 'OrderDish';
  readonly guest: string;
}
const dish: DecisionModel<'there' | 'sold out', DishWish, typeof dishEvents, 'SoldOut'> = {
  category: 'dish',
  events: dishEvents,
  initial: 'there',
  evolve: (state, { type }) => (type === 'DishSoldOut' ? 'sold out' : state),
  decide: ({ guest }, state) => (state === 'there' ? [{ type: 'DishOrdered', guest }] : refuse('SoldOut')),
};

type Order = Addressed<string, DishWish>;
const orders = followedBy(dish, (happened: TableEvent, guests: readonly string[]): readonly Order[] =>
  happened.type === 'GuestSeated'
    ? [{ id: `${happened.guest}-${String(guests.length)}`, payload: { type: 'OrderDish', guest: happened.guest } }]
    : [],
);

function restaurant() {
  const log = new InMemoryEventStore(new EventCodec([tableEvents, dishEvents]));
  const store = new InterposedStore(log);
  const decider = new Decider(
    guestTable,
    store,
    { commandDone: () => undefined },
    { ...decidingLimits, following: orders },
  );
  const soldOut = (id: string) => {
    const writes = [{ stream: `dish-${id}`, expected: 'any', events: [{ type: 'DishSoldOut' }] }] as const;
    return log.append({ writes, metadata: { correlationId: 'kitchen' } });
  };
  const ask = (wish: TableWish, commandId?: string) =>
    decider.carryOut('1', wish, { correlationId: 'here', ...(commandId === undefined ? {} : { commandId }) });
  const all = async () => {
    const { events } = await log.readAll({ after: 0n, limit: 100 });
    return events.map((one) => `${one.stream} ${one.event.type}`);
  };
  return { store, ask, soldOut, all };
}

const seat = (guest: string): TableWish => ({ type: 'SeatGuest', guest });

describe('a decision that others follow', () => {
  test('is written with them in one append, on the state before it', async () => {
    const { ask, all, store } = restaurant();
    await ask(seat('Ada'));
    store.steps.length = 0;
    const decided = await ask(seat('Bo'));
    expect(store.steps.filter((step) => step === 'append')).toHaveLength(1);
    expect(await all()).toEqual([
      'table-1 GuestSeated',
      'dish-Ada-0 DishOrdered',
      'table-1 GuestSeated',
      'dish-Bo-1 DishOrdered',
    ]);
    expect(decided).toMatchObject({ version: 2, position: 4n, repeated: false });
    expect(decided.events.map((one) => one.event.type)).toEqual(['GuestSeated', 'DishOrdered']);
    expect(await ask(seat('Bo'))).toMatchObject({ version: 2, events: [] });
  });

  test('writes nothing when one of them is refused', async () => {
    const { ask, all, soldOut } = restaurant();
    await ask({ type: 'LetGuestLeave', guest: 'nobody' });
    await soldOut('Ada-0');
    await expect(ask(seat('Ada'))).rejects.toMatchObject({ name: 'CommandRefused', reason: 'SoldOut' });
    expect(await all()).toEqual(['dish-Ada-0 DishSoldOut']);
  });

  test('is taken again when one of them changes between reading and writing', async () => {
    const { ask, all, soldOut, store } = restaurant();
    store.before('append', () => soldOut('Ada-0'));
    await expect(ask(seat('Ada'))).rejects.toMatchObject({ reason: 'SoldOut' });
    expect(await all()).toEqual(['dish-Ada-0 DishSoldOut']);
  });

  test('gets its first answer when it is asked for again, though by now it would be refused', async () => {
    const { ask, soldOut } = restaurant();
    const first = await ask(seat('Ada'), 'c-1');
    await ask({ type: 'LetGuestLeave', guest: 'Ada' });
    await soldOut('Ada-0');
    const again = await ask(seat('Ada'), 'c-1');
    expect(again).toMatchObject({ repeated: true, position: first.position, version: 1 });
    expect(again.events.map((one) => one.id)).toEqual(first.events.map((one) => one.id));
  });

  test('happens once when the answer to its append is lost', async () => {
    const { ask, all, store } = restaurant();
    store.after('append', () => Promise.reject(new AppendOutcomeUnknown('The connection broke.')));
    expect(await ask(seat('Ada'))).toMatchObject({ version: 1, repeated: false });
    expect(await all()).toEqual(['table-1 GuestSeated', 'dish-Ada-0 DishOrdered']);
  });
});
