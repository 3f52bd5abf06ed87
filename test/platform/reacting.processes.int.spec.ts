import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { StoreUnavailable } from '../../src/platform/event-store/errors.js';
import { TryLater, type Process } from '../../src/platform/reacting/process.js';
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

/** Whoever is seated somewhere also gets a place at the bar. */
const bar: Process<TableEvent> = {
  name: 'bar',
  startsAt: 'beginning',
  on: {
    GuestSeated: async ({ guest }, reaction, { stream }) => {
      if (stream === 'table-bar') return;
      await reaction.send(TableCommand, 'bar', { type: 'SeatGuest', guest });
    },
  },
};

const positionOf = async (process: string) =>
  (await here.checkpoints.all()).find((checkpoint) => checkpoint.process === process)?.position;

/** Notes what it reacts to, and does to some events what the test says. */
function watching(
  react: (guest: string) => Promise<void> | void = () => undefined,
  on: Process<TableEvent>['on'] = {},
) {
  const seen: string[] = [];
  const process: Process<TableEvent> = {
    name: 'watching',
    startsAt: 'beginning',
    on: {
      GuestSeated: async ({ guest }) => {
        await react(guest);
        seen.push(guest);
      },
      ...on,
    },
  };
  return { seen, process };
}

describe('a process', () => {
  test('sends commands that carry on the correlation and name their cause', async () => {
    here.runs(bar);
    await here.happens('1', seated('Ada'));
    const [first, second] = await eventually(async () => {
      const events = await here.happened();
      expect(events).toHaveLength(2);
      return events;
    });
    expect(second).toMatchObject({
      stream: 'table-bar',
      event: { type: 'GuestSeated', guest: 'Ada' },
      metadata: { correlationId: 'client', causationId: first?.id },
    });
    expect(second?.metadata.commandId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5/);
  });

  test('that lost its checkpoint in a crash sends everything again, and nothing happens twice', async () => {
    await here.happens('1', seated('Ada'), left('Ada'), seated('Bo'));
    const first = here.runs(bar);
    await eventually(async () => expect(await positionOf('bar')).toBe(5n));
    await first.end();
    const before = await here.happened();
    await here.happens('bar', left('Ada'));
    await db.database.pool.query('update reacting.checkpoints set position = 0');
    const sent = here.commands.sent.length;
    here.runs(bar);
    await eventually(async () => expect(await positionOf('bar')).toBe(6n));
    expect(here.commands.sent.length).toBe(sent + 2);
    expect(await here.happened()).toHaveLength(before.length + 1);
  });

  test('that would send something else the second time gets the first result', async () => {
    let guests = 0;
    const whim: Process<TableEvent> = {
      name: 'whim',
      startsAt: 'beginning',
      on: {
        GuestLeft: async (_, reaction) => {
          guests += 1;
          await reaction.send(TableCommand, 'bar', { type: 'SeatGuest', guest: `guest ${String(guests)}` });
        },
      },
    };
    await here.happens('1', left('Ada'));
    const first = here.runs(whim);
    await eventually(async () => expect(await positionOf('whim')).toBe(2n));
    await first.end();
    await db.database.pool.query('update reacting.checkpoints set position = 0');
    here.runs(whim);
    await eventually(async () => expect(await positionOf('whim')).toBe(2n));
    expect(guests).toBe(2);
    expect((await here.happened()).map(({ event }) => event)).toEqual([left('Ada'), seated('guest 1')]);
  });

  test('goes on where it stopped', async () => {
    const { process, seen } = watching();
    const first = here.runs(process);
    await here.happens('1', seated('Ada'));
    await eventually(() => expect(seen).toEqual(['Ada']));
    await first.end();
    await here.happens('1', seated('Bo'));
    here.runs(process);
    await eventually(() => expect(seen).toEqual(['Ada', 'Bo']));
    await eventually(async () => expect(await positionOf('watching')).toBe(2n));
  });

  test('that is interested in the future only starts with what happens next', async () => {
    await here.happens('1', seated('Ada'));
    const { process, seen } = watching();
    const first = here.runs({ ...process, startsAt: 'now' });
    await eventually(async () => expect(await positionOf('watching')).toBe(1n));
    await first.end();
    await here.happens('1', seated('Bo'));
    here.runs({ ...process, startsAt: 'now' });
    await eventually(() => expect(seen).toEqual(['Bo']));
  });

  test('moves its checkpoint over events it does not take', async () => {
    const { process } = watching();
    here.runs(process);
    await here.happens('1', left('Ada'), left('Bo'));
    await eventually(async () => expect(await positionOf('watching')).toBe(2n));
  });

  test('hears that a command was refused, and goes on', async () => {
    const answers: unknown[] = [];
    await here.happens('bar', seated('Ada'));
    const insisting: Process<TableEvent> = {
      name: 'insisting',
      startsAt: 'beginning',
      on: {
        GuestSeated: async ({ guest }, reaction) => {
          answers.push(await reaction.send(TableCommand, 'bar', { type: 'SeatGuestOnce', guest }));
        },
      },
    };
    here.runs(insisting);
    await eventually(() => expect(answers).toEqual([{ outcome: 'refused', reason: 'AlreadySeated' }]));
    await eventually(async () => expect(await positionOf('insisting')).toBe(1n));
  });
});

describe('events', () => {
  test('of one stream come in order and one at a time, of different streams side by side', async () => {
    const gates = { Ada: aGate(), Bo: aGate() };
    const { process, seen } = watching((guest) =>
      guest === 'Ada' || guest === 'Bo' ? gates[guest].opened : undefined,
    );
    here.runs(process);
    await here.happens('1', seated('Ada'), seated('Cy'));
    await here.happens('2', seated('Bo'), seated('Di'));
    await here.happens('3', seated('Ed'));
    await eventually(() => expect(seen).toEqual(['Ed']));
    gates.Bo.open();
    await eventually(() => expect(seen).toEqual(['Ed', 'Bo', 'Di']));
    gates.Ada.open();
    await eventually(() => expect(seen).toEqual(['Ed', 'Bo', 'Di', 'Ada', 'Cy']));
  });

  test('that are unfinished are never passed by the checkpoint', async () => {
    const gate = aGate();
    const { process, seen } = watching((guest) => (guest === 'Bo' ? gate.opened : undefined));
    here.runs(process);
    await here.happens('1', seated('Ada'));
    await here.happens('2', seated('Bo'));
    await here.happens('3', seated('Cy'));
    await eventually(() => expect(seen).toEqual(['Ada', 'Cy']));
    await eventually(async () => expect(await positionOf('watching')).toBe(1n));
    await here.happens('4', seated('Di'));
    await eventually(() => expect(seen).toContain('Di'));
    expect(await positionOf('watching')).toBe(1n);
    gate.open();
    await eventually(async () => expect(await positionOf('watching')).toBe(4n));
  });

  test('are held back when too many are unfinished, and when too many are finished ahead of one', async () => {
    const gate = aGate();
    let running = 0;
    const { process, seen } = watching(async (guest) => {
      running += 1;
      if (guest === '0') await gate.opened;
    });
    here.runs(process, { aheadMax: 5, unfinishedMax: 3 });
    for (let guest = 0; guest < 20; guest += 1) await here.happens(String(guest), seated(String(guest)));
    await eventually(() => expect(running).toBe(5));
    await here.happens('x', seated('x'));
    expect(seen).toHaveLength(4);
    gate.open();
    await eventually(() => expect(seen).toHaveLength(21));
  });
});

describe('an owner whose lease was taken over', () => {
  test('cannot move the checkpoint, and ends', async () => {
    const gate = aGate();
    const { process } = watching(() => gate.opened);
    const old = here.runs(process);
    await here.happens('1', seated('Ada'));
    await eventually(async () => expect(await positionOf('watching')).toBe(0n));
    await here.checkpoints.claim('watching', here.newEpoch(), () => Promise.resolve(0n));
    gate.open();
    await old.ended;
    expect(await positionOf('watching')).toBe(0n);
  });

  test('does not even begin if it comes late', async () => {
    const late = here.newEpoch();
    await here.checkpoints.claim('watching', here.newEpoch(), () => Promise.resolve(0n));
    const { process, seen } = watching();
    await here.happens('1', seated('Ada'));
    await here.runs(process, { epoch: late }).ended;
    expect(seen).toEqual([]);
  });
});

describe('a reaction that fails', () => {
  const broken = new Error('The coffee machine is broken.');

  test('is tried again', async () => {
    let tries = 0;
    const { process, seen } = watching(() => {
      tries += 1;
      if (tries < 3) throw broken;
    });
    here.runs(process);
    await here.happens('1', seated('Ada'));
    await eventually(() => expect(seen).toEqual(['Ada']));
    expect(here.observer.failures).toEqual([broken, broken]);
    expect(await here.deadLetters.list()).toEqual([]);
  });

  test('too often becomes a letter, behind which its stream waits while others go on', async () => {
    const { process, seen } = watching((guest) => {
      if (guest === 'Ada') throw broken;
    });
    here.runs(process);
    await here.happens('1', seated('Ada'), seated('Bo'));
    await here.happens('2', seated('Cy'));
    await eventually(async () => expect(await positionOf('watching')).toBe(3n));
    expect(seen).toEqual(['Cy']);
    expect(here.observer.setAside).toEqual([1n]);
    expect(await here.deadLetters.list('watching')).toMatchObject([
      { position: 1n, stream: 'table-1', state: 'poisoned', error: 'Error', message: broken.message, attempts: 4 },
      { position: 2n, stream: 'table-1', state: 'waiting', attempts: 0 },
    ]);
  });

  test('is not tried once more while its letter is being written', async () => {
    const { process } = watching(() => {
      throw broken;
    });
    here.runs(process);
    const tables = Array.from({ length: 60 }, (_, at) => String(at));
    for (const at of tables) await here.happens(at, seated('Ada'));
    const positions = tables.map((_, at) => BigInt(at + 1));
    await eventually(() => expect(here.observer.setAside).toHaveLength(tables.length));
    expect(here.observer.setAside.toSorted()).toEqual(positions.toSorted());
    await eventually(async () => expect(await positionOf('watching')).toBe(60n));
    expect(here.observer.setAside).toHaveLength(tables.length);
  });

  test('keeps its stream waiting when its letter could not be written again', async () => {
    const { process, seen } = watching((guest) => {
      if (guest === 'Ada') throw broken;
    });
    here.runs(process);
    await here.happens('1', seated('Ada'));
    await eventually(() => expect(here.observer.setAside).toEqual([1n]));
    const away = new Error('The database is away.');
    jest.spyOn(here.deadLetters, 'failedAgain').mockRejectedValueOnce(away);
    await here.deadLetters.retry('watching', 1n);
    await eventually(() => expect(here.observer.troubles).toContain(away));
    await here.happens('1', seated('Bo'));
    await eventually(async () => expect(await positionOf('watching')).toBe(2n));
    expect(seen).toEqual([]);
    expect((await here.deadLetters.list()).map(({ state }) => state)).toEqual(['poisoned', 'waiting']);
  });

  test('and left letters keeps its stream waiting after a restart', async () => {
    const failing = watching(() => {
      throw broken;
    });
    const first = here.runs(failing.process);
    await here.happens('1', seated('Ada'));
    await eventually(() => expect(here.observer.setAside).toEqual([1n]));
    await first.end();
    const { process, seen } = watching();
    here.runs(process);
    await here.happens('1', seated('Bo'));
    await here.happens('2', seated('Cy'));
    await eventually(async () => expect(await positionOf('watching')).toBe(3n));
    expect(seen).toEqual(['Cy']);
    expect((await here.deadLetters.list()).map(({ state }) => state)).toEqual(['poisoned', 'waiting']);
  });

  test('can be tried again when asked, with all that waits behind it in order, and then the stream flows', async () => {
    let isBroken = true;
    const { process, seen } = watching((guest) => {
      if (guest === 'Ada' && isBroken) throw broken;
    });
    here.runs(process);
    await here.happens('1', seated('Ada'), seated('Bo'));
    await eventually(async () => expect(await positionOf('watching')).toBe(2n));
    expect(await here.deadLetters.retry('watching', 2n)).toBe(false);
    expect(await here.deadLetters.retry('watching', 1n)).toBe(true);
    await eventually(async () =>
      expect((await here.deadLetters.list())[0]).toMatchObject({ state: 'poisoned', attempts: 5 }),
    );
    isBroken = false;
    await here.deadLetters.retry('watching', 1n);
    await eventually(async () => expect(await here.deadLetters.list()).toEqual([]));
    await here.happens('1', seated('Cy'));
    await eventually(() => expect(seen).toEqual(['Ada', 'Bo', 'Cy']));
  });

  test('can be skipped: what waits behind it is tried', async () => {
    const { process, seen } = watching((guest) => {
      if (guest === 'Ada') throw broken;
    });
    here.runs(process);
    await here.happens('1', seated('Ada'), seated('Bo'));
    await eventually(async () => expect(await positionOf('watching')).toBe(2n));
    expect(await here.deadLetters.skip('watching', 1n, { by: 'ada', reason: 'a test' })).toBe(true);
    await eventually(() => expect(seen).toEqual(['Bo']));
    await eventually(async () => expect(await here.deadLetters.list()).toEqual([]));
    await here.happens('1', seated('Cy'));
    await eventually(() => expect(seen).toEqual(['Bo', 'Cy']));
  });

  test('can be skipped while it is tried again, which then makes no letter of it', async () => {
    const gate = aGate();
    let tries = 0;
    const { process, seen } = watching(async (guest) => {
      if (guest !== 'Ada') return;
      tries += 1;
      if (tries > 4) await gate.opened;
      throw broken;
    });
    here.runs(process);
    await here.happens('1', seated('Ada'), seated('Bo'));
    await eventually(async () => expect(await positionOf('watching')).toBe(2n));
    await here.deadLetters.retry('watching', 1n);
    await eventually(() => expect(tries).toBe(5));
    expect(await here.deadLetters.skip('watching', 1n, { by: 'ada', reason: 'a test' })).toBe(true);
    gate.open();
    await eventually(() => expect(seen).toEqual(['Bo']));
    await eventually(async () => expect(await here.deadLetters.list()).toEqual([]));
    expect(tries).toBe(5);
  });

  test('can be skipped when nothing waits behind it, and the stream flows again', async () => {
    const { process, seen } = watching((guest) => {
      if (guest === 'Ada') throw broken;
    });
    here.runs(process);
    await here.happens('1', seated('Ada'));
    await eventually(() => expect(here.observer.setAside).toEqual([1n]));
    await here.deadLetters.skip('watching', 1n, { by: 'ada', reason: 'a test' });
    await here.happens('1', seated('Bo'));
    await eventually(() => expect(seen).toEqual(['Bo']));
  });

  test('does not put what a person wrote into its letter', async () => {
    const { process } = watching((guest) => {
      throw new Error(`Cannot seat ${guest}.`);
    });
    here.runs(process);
    await here.happens('1', seated('Ada Lovelace'));
    const [letter] = await eventually(async () => {
      const letters = await here.deadLetters.list();
      expect(letters).toHaveLength(1);
      return letters;
    });
    expect(letter?.message).toBe('Cannot seat ….');
  });

  test.each([
    ['the log is away', new StoreUnavailable('down')],
    ['a service asks for patience', new TryLater('busy')],
  ])('because %s is never given up', async (_, error) => {
    let tries = 0;
    const { process, seen } = watching(() => {
      tries += 1;
      if (tries < 12) throw error;
    });
    here.runs(process);
    await here.happens('1', seated('Ada'));
    await eventually(() => expect(seen).toEqual(['Ada']));
    expect(await here.deadLetters.list()).toEqual([]);
  });

  test('with too many streams set aside waits instead of setting everything aside', async () => {
    let isBroken = true;
    const { process, seen } = watching(() => {
      if (isBroken) throw broken;
    });
    here.runs(process, { blockedMax: 2 });
    for (const table of ['1', '2', '3', '4']) await here.happens(table, seated(table));
    await eventually(() => expect(here.observer.failures.length).toBeGreaterThan(40));
    expect(here.observer.setAside).toHaveLength(2);
    isBroken = false;
    await eventually(() => expect(seen).toHaveLength(2));
    await eventually(async () => expect(await positionOf('watching')).toBe(4n));
  });
});
