import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Alterations } from '../../src/platform/time-travel/altered-fold.js';
import { injectedIn } from '../../src/platform/time-travel/injected-events.js';
import { leftOutIn } from '../../src/platform/time-travel/left-out.js';
import { TravelRefused } from '../../src/platform/time-travel/refused.js';
import type { TableDifferences } from '../../src/platform/time-travel/row-differences.js';
import type { Travel } from '../../src/platform/time-travel/time-travel.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import {
  aRoom,
  buttonsByHand,
  everything,
  histories,
  leftBehind,
  pressed,
  removed,
  type Button,
  type ButtonEvent,
  type Room,
} from './time-travel.buttons.js';

let testing: TestDatabase;
let room: Room;

beforeAll(async () => {
  testing = await aDatabase();
  room = await aRoom(testing.database);
});
afterAll(async () => {
  await room.worker.stop();
  await testing.close();
});
afterEach(async () => {
  expect(await leftBehind(testing.database)).toEqual([]);
});

const travel: Travel = { model: 'buttons', signal: new AbortController().signal };
const types = new Set(['Pressed', 'Removed']);
const nothing: Alterations = { without: [], inject: [] };
const whatIf = (alterations: Partial<Alterations>, more = {}) =>
  room.time.whatIf(travel, undefined, { ...nothing, ...alterations }, { ...everything, table: 'buttons', ...more });

/** The table with the differences applied: what the other one must be. */
function patched(before: readonly Button[], [difference]: readonly TableDifferences[]): readonly unknown[] {
  const rows = new Map<unknown, object>(before.map((row) => [row.button, row]));
  for (const { kind, key, columns } of difference?.differences ?? []) {
    const button = key['button'];
    if (kind === 'removed') rows.delete(button);
    else {
      const after = Object.entries(columns).map(([name, column]) => [name, column.after] as const);
      rows.set(button, { ...rows.get(button), button, ...Object.fromEntries(after) });
    }
  }
  return [...rows.entries()].sort(([one], [other]) => (String(one) < String(other) ? -1 : 1)).map(([, row]) => row);
}

describe('a read model, had somebody never been there', () => {
  test('is that of a log without them, whatever they did', async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.constantFrom('ada', 'bob', 'eve'), async (history, sub) => {
        await room.happens(...history);
        const isTheirs = (happened: object) => 'userSub' in happened && happened.userSub === sub;
        const { tables, leftOut } = await whatIf({ without: [leftOutIn(`user_sub=${sub}`, types)] });
        expect(leftOut).toBe(room.log.filter(({ event }) => isTheirs(event)).length);
        const without = buttonsByHand(room.log.filter(({ event }) => !isTheirs(event)));
        expect(patched(buttonsByHand(room.log), tables)).toEqual(without);
      }),
      { numRuns: 8 },
    );
  }, 60_000);

  test('is as it is when nobody is meant', async () => {
    expect(await whatIf({ without: [leftOutIn('userSub=nobody', types)] })).toMatchObject({
      leftOut: 0,
      tables: [{ table: 'buttons', added: 0, removed: 0, changed: 0, differences: [] }],
    });
  });
});

describe('events that are left out', () => {
  const recorded = () => room.log.slice(-3);
  const left = (...texts: readonly string[]) => {
    const without = texts.map((text) => leftOutIn(text, types));
    return recorded().flatMap((each, at) => (without.some((leftOut) => leftOut(each)) ? [at] : []));
  };
  beforeAll(() => room.happens(pressed('x', 'ada', 2), pressed('y', 'a,b=c', 2), removed('y', 'ada')));

  test('are told by type, stream, position or a field of theirs', () => {
    const [first, second] = recorded();
    expect(left('type=Pressed')).toEqual([0, 1]);
    expect(left('stream=button-y')).toEqual([1, 2]);
    expect(left('category=button')).toEqual([0, 1, 2]);
    expect(left(`position=${String(first?.position)}`)).toEqual([0]);
    expect(left(`position=${String(first?.position)}..${String(second?.position)}`)).toEqual([0, 1]);
    expect(left('times=2')).toEqual([0, 1]);
    expect(left(`id=${String(first?.id)}`)).toEqual([0]);
  });

  test('must be all that one says, and may be any of several', () => {
    expect(left('type=Pressed,user_sub=ada')).toEqual([0]);
    expect(left('type=Removed', 'user_sub=a,b=c')).toEqual([2]);
    expect(left('type=Removed', 'user_sub=ada')).toEqual([0, 2]);
  });

  test('are refused when nobody can know what is meant', () => {
    for (const text of ['ada', '=ada', 'type=', 'position=some', 'position=1..', 'type=Presed']) {
      expect(() => leftOutIn(text, types)).toThrow(TravelRefused);
    }
  });
});

describe('a change', () => {
  interface Told {
    readonly position: number;
    readonly type: string;
    readonly stream: string;
    readonly data: { readonly button: string; readonly userSub: string; readonly times: number };
  }
  // The function comes from a file that nobody compiled: it takes whatever it says it takes.
  const change = (answer: (told: Told) => unknown) =>
    whatIf({ change: (told) => answer(isTold(told) ? told : fail()) });
  const isTold = (told: unknown): told is Told => typeof told === 'object' && told !== null && 'data' in told;
  const fail = (): never => {
    throw new Error('No event was told.');
  };
  const byHand = (answer: (happened: ButtonEvent) => readonly ButtonEvent[]) =>
    buttonsByHand(room.log.flatMap((each) => answer(ours(each.event)).map((event) => ({ ...each, event }))));
  const ours = (happened: object): ButtonEvent =>
    ('button' in happened ? Object.assign({}, happened) : fail()) as never;

  test('makes other events, none, or several of each', async () => {
    const answer = await change((told) => {
      if (told.type === 'Removed') return undefined;
      if (told.data.userSub !== 'ada') return told;
      const more = { ...told, data: { ...told.data, times: told.data.times + 1 } };
      return [more, more];
    });
    const expected = byHand((happened) => {
      if (happened.type === 'Removed') return [];
      if (happened.userSub !== 'ada') return [happened];
      const more = { ...happened, times: happened.times + 1 };
      return [more, more];
    });
    expect(answer.changed).toBeGreaterThan(0);
    expect(patched(buttonsByHand(room.log), answer.tables)).toEqual(expected);
  });

  test('may write into what it gets: the real fold does not see it', async () => {
    const answer = await change((told) => {
      Object.assign(told.data, { button: 'all of them' });
      return told;
    });
    const expected = byHand((happened) => [{ ...happened, button: 'all of them' }]);
    expect(patched(buttonsByHand(room.log), answer.tables)).toEqual(expected);
  });

  test('that gives back what it got changes nothing', async () => {
    expect(await change((told) => told)).toMatchObject({ changed: 0, tables: [{ differences: [] }] });
    expect(await change((told) => ({ ...told }))).toMatchObject({ changed: 0 });
  });

  test('is refused, with the position and the reason, when its events could not have been written', async () => {
    const refusals: readonly (readonly [answer: (told: Told) => unknown, reason: RegExp])[] = [
      [(told) => ({ ...told, data: { ...told.data, times: 'many' } }), /position 1 cannot be changed like this.*times/],
      [(told) => ({ ...told, type: 'Exploded' }), /no family declares it/],
      [(told) => ({ ...told, extra: 1 }), /position 1 .*is no event.*extra/s],
      [(told) => ({ ...told, position: 7 }), /cannot move it/],
      [() => 5, /is no event/],
      [(told) => Promise.resolve(told), /not with a promise/],
      [fail, /position 1 .*the change failed: Error: No event was told/],
    ];
    for (const [answer, reason] of refusals) {
      const refused = await change(answer).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(TravelRefused);
      expect(refused).toMatchObject({ message: expect.stringMatching(reason) });
    }
  });
});

describe('an event that happened besides', () => {
  const line = (more: object) =>
    JSON.stringify({ stream: 'button-z', type: 'Pressed', data: { button: 'z', userSub: 'zoe', times: 4 }, ...more });

  test('is folded where it says, or at the end', async () => {
    await room.happens(pressed('z', 'ada', 1), removed('z'));
    const head = Number(room.log.at(-1)?.position);
    const sums = async (...lines: readonly string[]) => {
      const { injected, tables } = await whatIf({ inject: injectedIn(lines.join('\n')) });
      return { injected, presses: tables[0]?.differences.map(({ columns }) => columns['presses']?.after) };
    };
    expect(await sums(line({}))).toEqual({ injected: 1, presses: [4] });
    expect(await sums(line({ position: head }))).toEqual({ injected: 1, presses: [4] });
    // Before the button is removed.
    expect(await sums(line({ position: head - 1 }))).toEqual({ injected: 1, presses: [] });
    const remover = line({ type: 'Removed', data: { button: 'z', userSub: 'zoe' } });
    expect(await sums(line({}), '', remover, line({}), line({}))).toEqual({ injected: 4, presses: [8] });
    expect(await sums(line({}), line({ position: 0 }), remover)).toEqual({ injected: 3, presses: [] });
  });

  test('has the time of the event before it, unless it says another', async () => {
    const { tables } = await whatIf({ inject: injectedIn(line({})) });
    const before = buttonsByHand(room.log.slice(-1).map((each) => ({ ...each, event: pressed('z') })));
    expect(tables[0]?.differences[0]?.columns['seen_at']).toEqual({ after: before[0]?.seen_at });
    const told = await whatIf({ inject: injectedIn(line({ recorded_at: '2020-01-01T00:00:00Z' })) });
    expect(told.tables[0]?.differences[0]?.columns['seen_at']).toEqual({ after: '2020-01-01T00:00:00+00:00' });
  });

  test('is refused with its line when it could not have been written', async () => {
    const refusals = [
      ['{', /Line 1 is not JSON/],
      [`${line({})}\n{"type":"Pressed"}`, /Line 2 is no event/],
      [line({ postion: 5 }), /Line 1 is no event.*postion/s],
      [line({ data: { button: 'z' } }), /Line 1 cannot have happened.*userSub/],
      [line({ schema_version: 3 }), /Pressed has schema version 1 today, not 3/],
      [line({ position: 99_999_999 }), /Line 1: position 99999999 is behind/],
    ] as const;
    for (const [text, reason] of refusals) {
      const asked = async () => whatIf({ inject: injectedIn(text) });
      await expect(asked()).rejects.toThrow(reason);
      await expect(asked()).rejects.toThrow(TravelRefused);
    }
  });
});
