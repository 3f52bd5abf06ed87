import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AppendOutcomeUnknown, StoreUnavailable } from '../../src/platform/event-store/errors.js';
import type { Process } from '../../src/platform/reacting/process.js';
import { aDatabase } from '../support/a-database.js';
import { aGate, eventually } from '../support/eventually.js';
import { TableCommand, type TableEvent } from './deciding.guests.js';
import { aRestaurant, left, seated } from './reacting.restaurant.js';

let db: Awaited<ReturnType<typeof aDatabase>>;
let here: ReturnType<typeof aRestaurant>;

beforeAll(async () => {
  db = await aDatabase();
});
beforeEach(async () => {
  await db.database.pool.query('truncate reacting.checkpoints, reacting.dead_letters, reacting.deadlines');
  here = aRestaurant(db.database);
});
afterEach(() => here.close());
afterAll(() => db.close());

const inMs = (ms: number) => new Date(Date.now() + ms);
const far = () => inMs(3_600_000);

/** Guests leave when their time is over, unless they left before. When that is, the test says. */
function closing(dueAt: (guest: string) => Date): Process<TableEvent> {
  return {
    name: 'closing',
    startsAt: 'beginning',
    on: {
      GuestSeated: ({ guest }, reaction, { stream }) =>
        reaction.sendAt({ key: guest, dueAt: dueAt(guest) }, TableCommand, stream.slice('table-'.length), {
          type: 'LetGuestLeave',
          guest,
        }),
      GuestLeft: ({ guest }, reaction) => reaction.cancel(guest),
    },
  };
}

const passed = (position: bigint, process = 'closing') =>
  eventually(async () => {
    const all = await here.checkpoints.all();
    expect(all.find((checkpoint) => checkpoint.process === process)?.position).toBeGreaterThanOrEqual(position);
  });
const states = async (): Promise<Record<string, string>> => {
  const { rows } = await db.database.pool.query<{ key: string; state: string }>(
    'select key, state from reacting.deadlines',
  );
  return Object.fromEntries(rows.map(({ key, state }) => [key, state]));
};
const happened = async () => (await here.happened()).map(({ event }) => event);
/** Everything is delivered again, as after a crash that lost the checkpoint. */
const crash = () => db.database.pool.query('update reacting.checkpoints set position = 0');
/** Whatever is set is due: the database's clock cannot be turned, the deadlines can. */
const timePasses = () =>
  db.database.pool.query(`update reacting.deadlines set due_at = now(), try_at = now() where state = 'set'`);

describe('a deadline', () => {
  test('sends its command when it is due and not before, with the event as its cause', async () => {
    here.runs(closing(() => inMs(300)));
    here.ticks();
    const since = Date.now();
    await here.happens('1', seated('Ada'));
    const [first, second] = await eventually(async () => {
      const events = await here.happened();
      expect(events).toHaveLength(2);
      return events;
    });
    expect(Date.now() - since).toBeGreaterThanOrEqual(295);
    expect(Date.now() - since).toBeLessThan(1_500);
    expect(second).toMatchObject({
      event: { type: 'GuestLeft', guest: 'Ada' },
      metadata: { correlationId: 'client', causationId: first?.id },
    });
    await eventually(async () => expect(await states()).toEqual({ Ada: 'cancelled' }));
  });

  test('that nothing changes any more is kept as fired, without what it said', async () => {
    here.runs({ ...closing(() => inMs(0)), on: { GuestSeated: closing(() => inMs(0)).on.GuestSeated! } });
    here.ticks();
    await here.happens('1', seated('Ada'));
    await eventually(async () => expect(await states()).toEqual({ Ada: 'fired' }));
    const { rows } = await db.database.pool.query('select payload, cause from reacting.deadlines');
    expect(rows).toEqual([{ payload: null, cause: null }]);
  });

  test('survives restarts, and is late after a downtime instead of lost', async () => {
    const running = here.runs(closing(() => inMs(50)));
    await here.happens('1', seated('Ada'));
    await passed(1n);
    await running.end();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await happened()).toEqual([seated('Ada')]);
    here.ticks();
    await eventually(async () => expect(await happened()).toEqual([seated('Ada'), left('Ada')]));
  });

  test('that was cancelled sends nothing', async () => {
    here.runs(closing(far));
    await here.happens('1', seated('Ada'), left('Ada'));
    await passed(2n);
    await timePasses();
    here.ticks();
    await here.happens('1', seated('Bo'));
    await passed(3n);
    await timePasses();
    await eventually(async () => expect(await happened()).toContainEqual(left('Bo')));
    expect(here.commands.sent).toHaveLength(1);
  });

  test('that is set again is moved', async () => {
    const times = new Map([['Ada', [inMs(0), far()]]]);
    here.runs(closing((guest) => times.get(guest)?.shift() ?? far()));
    await here.happens('1', seated('Ada'), seated('Ada'));
    await passed(2n);
    here.ticks();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(here.commands.sent).toEqual([]);
    await timePasses();
    await eventually(async () => expect(await happened()).toContainEqual(left('Ada')));
    expect(here.commands.sent).toHaveLength(1);
  });

  test('that one reaction sets twice is as the later call says', async () => {
    const twice: Process<TableEvent> = {
      name: 'twice',
      startsAt: 'beginning',
      on: {
        GuestSeated: async ({ guest }, reaction) => {
          if (guest === 'late') return;
          await reaction.sendAt({ key: 'k', dueAt: inMs(0) }, TableCommand, '9', { type: 'SeatGuest', guest: 'early' });
          await reaction.sendAt({ key: 'k', dueAt: inMs(0) }, TableCommand, '9', {
            type: 'SeatParty',
            guests: ['late'],
          });
        },
      },
    };
    here.runs(twice);
    await here.happens('1', seated('Ada'));
    await passed(1n, 'twice');
    here.ticks();
    await eventually(async () => expect(await happened()).toContainEqual(seated('late')));
    expect(here.commands.sent).toHaveLength(1);
  });

  test('whose payload is no plain data is refused when it is set', async () => {
    const wrong: Process<TableEvent> = {
      name: 'wrong',
      startsAt: 'beginning',
      on: {
        GuestSeated: (_, reaction) =>
          reaction.sendAt({ key: 'k', dueAt: far() }, TableCommand, '9', {
            ...{ type: 'SeatGuest', guest: 'x' },
            ...{ at: new Date() },
          }),
      },
    };
    here.runs(wrong);
    await here.happens('1', seated('Ada'));
    await eventually(() => expect(here.observer.failures[0]).toBeInstanceOf(TypeError));
  });
});

describe('an event that is delivered again', () => {
  test('does not set again what has fired', async () => {
    const only = closing(() => inMs(0)).on.GuestSeated!;
    const process: Process<TableEvent> = { name: 'closing', startsAt: 'beginning', on: { GuestSeated: only } };
    const running = here.runs(process);
    const clock = here.ticks();
    await here.happens('1', seated('Ada'));
    await eventually(async () => expect(await states()).toEqual({ Ada: 'fired' }));
    await running.end();
    await clock.end();
    await crash();
    here.runs(process);
    await passed(2n);
    expect(await states()).toEqual({ Ada: 'fired' });
  });

  test('does not set again what was cancelled, not even for a moment', async () => {
    const gate = aGate();
    const process = closing(far);
    const running = here.runs(process);
    await here.happens('1', seated('Ada'), left('Ada'));
    await passed(2n);
    await running.end();
    await crash();
    const held: Process<TableEvent> = { ...process, on: { ...process.on, GuestLeft: () => gate.opened } };
    here.runs(held);
    await passed(1n);
    expect(await states()).toEqual({ Ada: 'cancelled' });
    gate.open();
  });

  test('does not cancel what a later one has set', async () => {
    const process = closing(far);
    const running = here.runs(process);
    await here.happens('1', seated('Ada'), left('Ada'), seated('Ada'));
    await passed(3n);
    await running.end();
    await crash();
    here.runs({ ...process, on: { GuestLeft: process.on.GuestLeft! } });
    await passed(3n);
    expect(await states()).toEqual({ Ada: 'set' });
  });

  test('does not move back what a later one has moved', async () => {
    const times = [far(), inMs(7_200_000), inMs(0)];
    const process = closing(() => times.shift() ?? far());
    const running = here.runs(process);
    await here.happens('1', seated('Ada'), seated('Ada'));
    await passed(2n);
    await running.end();
    await crash();
    here.runs({ ...process, on: { GuestSeated: process.on.GuestSeated! } });
    await passed(1n);
    const { rows } = await db.database.pool.query<{ later: boolean }>(
      `select due_at > now() + interval '90 minutes' as later from reacting.deadlines`,
    );
    expect(rows).toEqual([{ later: true }]);
  });

  test('of another stream may cancel before what it cancels was set', async () => {
    const gate = aGate();
    const process = closing(far);
    const slow: Process<TableEvent> = {
      ...process,
      on: {
        ...process.on,
        GuestSeated: async (event, reaction, recorded) => {
          await gate.opened;
          await process.on.GuestSeated?.(event, reaction, recorded);
        },
      },
    };
    here.runs(slow);
    await here.happens('1', seated('Ada'));
    await here.happens('2', left('Ada'));
    await eventually(async () => expect(await states()).toEqual({ Ada: 'cancelled' }));
    gate.open();
    await passed(2n);
    expect(await states()).toEqual({ Ada: 'cancelled' });
  });

  test('and handled by an owner whose lease was taken over changes nothing', async () => {
    const gate = aGate();
    const process = closing(far);
    const frozen: Process<TableEvent> = {
      ...process,
      on: {
        GuestSeated: async (event, reaction, recorded) => {
          await gate.opened;
          await process.on.GuestSeated?.(event, reaction, recorded);
        },
      },
    };
    const old = here.runs(frozen);
    await here.happens('1', seated('Ada'));
    await eventually(async () => expect(await here.checkpoints.all()).toHaveLength(1));
    await here.checkpoints.claim('closing', here.newEpoch(), () => Promise.resolve(0n));
    gate.open();
    await old.ended;
    expect(await states()).toEqual({});
  });
});

describe('the clock', () => {
  const setFor = async (...guests: readonly string[]) => {
    const running = here.runs(closing(() => inMs(-1_000)));
    for (const guest of guests) await here.happens(guest, seated(guest));
    await passed(BigInt(guests.length));
    await running.end();
  };

  test('keeps a deadline until its command was done', async () => {
    await setFor('Ada');
    here.store.before('append', () => Promise.reject(new StoreUnavailable('down')));
    here.ticks();
    await eventually(() => expect(here.observer.deadlineFailures).toHaveLength(1));
    expect(await states()).toEqual({ Ada: 'set' });
    await eventually(async () => expect(await happened()).toEqual([seated('Ada'), left('Ada')]));
    await eventually(async () => expect(await states()).toEqual({ Ada: 'fired' }));
  });

  test('goes on with the others when one fails', async () => {
    await setFor('Ada', 'Bo', 'Cy');
    await db.database.pool.query(`update reacting.deadlines set category = 'gone' where key = 'Ada'`);
    here.ticks();
    await eventually(async () => expect(await states()).toEqual({ Ada: 'set', Bo: 'fired', Cy: 'fired' }));
    await eventually(async () => {
      const { rows } = await db.database.pool.query(
        `select attempts, error, message from reacting.deadlines where key = 'Ada'`,
      );
      expect(rows).toEqual([
        {
          attempts: expect.any(Number),
          error: 'CommandAddressUnknown',
          message: 'No handler decides for streams of the category gone.',
        },
      ]);
    });
  });

  test('takes a refusal for an answer', async () => {
    const process: Process<TableEvent> = {
      name: 'closing',
      startsAt: 'beginning',
      on: {
        GuestSeated: ({ guest }, reaction) =>
          reaction.sendAt({ key: guest, dueAt: inMs(0) }, TableCommand, '1', { type: 'SeatGuestOnce', guest }),
      },
    };
    here.runs(process);
    await here.happens('1', seated('Ada'));
    here.ticks();
    await eventually(async () => expect(await states()).toEqual({ Ada: 'fired' }));
    expect(here.observer.fired).toEqual(['refused']);
  });

  test('that crashes after a command was done sends it again under the same id, and nothing happens twice', async () => {
    await setFor('Ada');
    const [deadline] = await here.deadlines.due(10);
    const { category, id, payload, cause } = deadline!;
    await here.commands.execute(here.addresses.commandOf(category, id, payload, cause));
    await here.happens('Ada', seated('Ada'));
    here.ticks();
    await eventually(async () => expect(await states()).toEqual({ Ada: 'fired' }));
    expect(await happened()).toEqual([seated('Ada'), left('Ada'), seated('Ada')]);
  });

  test('that lost the answer of the log finds out what it was', async () => {
    await setFor('Ada');
    here.store.after('append', () => Promise.reject(new AppendOutcomeUnknown('lost')));
    here.ticks();
    await eventually(async () => expect(await states()).toEqual({ Ada: 'fired' }));
    expect(await happened()).toEqual([seated('Ada'), left('Ada')]);
  });

  test('twice at once does everything once', async () => {
    const guests = Array.from({ length: 40 }, (_, index) => String(index));
    await setFor(...guests);
    here.ticks({ batchMax: 7 });
    here.ticks({ batchMax: 7 });
    await eventually(async () => expect(new Set(Object.values(await states()))).toEqual(new Set(['fired'])));
    expect(await happened()).toHaveLength(80);
  });

  test('sends what fell due earlier first, and the next to that stream when it is done', async () => {
    let sentMeanwhile = 0;
    const running = here.runs(closing((guest) => inMs(-1_000 * Number(guest))));
    for (const guest of ['1', '2', '3']) await here.happens('same', seated(guest));
    await passed(3n);
    await running.end();
    here.store.before('append', async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      sentMeanwhile = here.commands.sent.length;
    });
    here.ticks();
    await eventually(() => expect(here.commands.sent).toHaveLength(3));
    expect(sentMeanwhile).toBe(1);
    expect(here.commands.sent.map(({ payload }) => payload)).toMatchObject([
      { guest: '3' },
      { guest: '2' },
      { guest: '1' },
    ]);
  });

  test('does not take a deadline for done that was moved while its command was sent', async () => {
    const process = closing(() => inMs(-1_000));
    const running = here.runs(process);
    await here.happens('1', seated('Ada'));
    await passed(1n);
    await running.end();
    here.store.before('append', async () => {
      const later = here.runs(closing(far));
      await here.happens('2', seated('Ada'));
      await passed(2n);
      await later.end();
    });
    here.ticks();
    await eventually(async () => expect(await happened()).toContainEqual(left('Ada')));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await states()).toEqual({ Ada: 'set' });
  });

  test('hears of a nearer deadline while it sleeps', async () => {
    here.ticks({ pollMs: 60_000 });
    here.runs(closing(() => inMs(30)));
    await here.happens('1', seated('Ada'));
    await eventually(async () => expect(await happened()).toContainEqual(left('Ada')), 2_000);
  });
});

describe('what is over', () => {
  test('is forgotten once no event can come that would set it again', async () => {
    const running = here.runs(closing(far));
    await here.happens('1', seated('Ada'), left('Ada'), seated('Bo'));
    await passed(3n);
    await running.end();
    await db.database.pool.query('update reacting.checkpoints set position = 1');
    expect(await here.deadlines.forgetPast()).toBe(0);
    await db.database.pool.query('update reacting.checkpoints set position = 2');
    expect(await here.deadlines.forgetPast()).toBe(1);
    expect(await states()).toEqual({ Bo: 'set' });
  });

  test('is remembered while an earlier event waits as a dead letter', async () => {
    let isBroken = true;
    const process = closing(far);
    const failing: Process<TableEvent> = {
      ...process,
      on: {
        ...process.on,
        GuestSeated: (event, reaction, recorded) => {
          if (isBroken) throw new Error('broken');
          return process.on.GuestSeated?.(event, reaction, recorded);
        },
      },
    };
    here.runs(failing);
    await here.happens('1', seated('Ada'));
    await here.happens('2', left('Ada'));
    await passed(2n);
    expect(await here.deadlines.forgetPast()).toBe(0);
    isBroken = false;
    await here.deadLetters.retry('closing', 1n);
    await eventually(async () => expect(await here.deadLetters.list()).toEqual([]));
    expect(await states()).toEqual({ Ada: 'cancelled' });
    expect(await here.deadlines.forgetPast()).toBe(1);
  });
});
