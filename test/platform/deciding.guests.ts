import { z } from 'zod';
import { refuse, type Decision, type DecisionModel } from '../../src/kernel/decision-model.js';
import { event, type EventOf } from '../../src/kernel/event-family.js';
import { StreamCommand } from '../../src/platform/deciding/stream-command.js';

/** A decision model for the tests of the platform: a table with a number of seats, and the guests at it. */

export const tableEvents = {
  GuestSeated: event(z.object({ guest: z.string() })),
  GuestLeft: event(z.object({ guest: z.string() })),
};
export type TableEvent = EventOf<typeof tableEvents>;

export type TableWish =
  | { readonly type: 'SeatGuest'; readonly guest: string }
  | { readonly type: 'SeatGuestOnce'; readonly guest: string }
  | { readonly type: 'LetGuestLeave'; readonly guest: string }
  | { readonly type: 'SeatParty'; readonly guests: readonly string[] };

export type TableRefusal = 'TableFull' | 'AlreadySeated';

const seatsMax = 3;

function decide(wish: TableWish, guests: readonly string[]): Decision<TableEvent, TableRefusal> {
  switch (wish.type) {
    case 'SeatGuest':
      if (guests.includes(wish.guest)) return [];
      return guests.length < seatsMax ? [{ type: 'GuestSeated', guest: wish.guest }] : refuse('TableFull');
    case 'SeatGuestOnce':
      return guests.includes(wish.guest) ? refuse('AlreadySeated') : [{ type: 'GuestSeated', guest: wish.guest }];
    case 'LetGuestLeave':
      return guests.includes(wish.guest) ? [{ type: 'GuestLeft', guest: wish.guest }] : [];
    case 'SeatParty':
      if (guests.length + wish.guests.length > seatsMax) return refuse('TableFull');
      return wish.guests.map((guest) => ({ type: 'GuestSeated', guest }));
  }
}

function evolve(guests: readonly string[], event: TableEvent): readonly string[] {
  switch (event.type) {
    case 'GuestSeated':
      return [...guests, event.guest];
    case 'GuestLeft':
      return guests.filter((guest) => guest !== event.guest);
  }
}

const initial: readonly string[] = [];
export const guestTable: DecisionModel<readonly string[], TableWish, typeof tableEvents, TableRefusal> = {
  category: 'table',
  events: tableEvents,
  initial,
  evolve,
  decide,
};

export class TableCommand extends StreamCommand<string, TableWish> {}
