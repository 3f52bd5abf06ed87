import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { momentIn } from '../../src/platform/time-travel/moment.js';
import { FoldTooLarge, ModelUnknown, TravelRefused } from '../../src/platform/time-travel/refused.js';
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
  type Room,
} from './time-travel.buttons.js';

let testing: TestDatabase;
let room: Room;

beforeAll(async () => {
  testing = await aDatabase();
  room = await aRoom(testing.database);
  await room.happens(pressed('first'), pressed('second', 'bob', 3), removed('first'));
});
afterAll(async () => {
  await room.worker.stop();
  await testing.close();
});
afterEach(async () => {
  expect(await leftBehind(testing.database)).toEqual([]);
});

const travel: Travel = { model: 'buttons', signal: new AbortController().signal };
const at = (position: bigint | number) => ({ position: BigInt(position) });
const until = (position: bigint) => room.log.filter((recorded) => recorded.position <= position);

describe('a read model as of a position', () => {
  test('is what the events up to there make, at every position of any history', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const before = room.log.length;
        await room.happens(...history);
        for (const { position } of room.log.slice(before)) {
          const { rows, ...told } = await room.time.asOf(travel, at(position), everything);
          expect(rows).toEqual(buttonsByHand(until(position)));
          expect(told).toEqual({ model: 'buttons', table: 'buttons', position: Number(position), total: rows.length });
        }
      }),
      { numRuns: 4 },
    );
  }, 60_000);

  test('is empty at the beginning, and refused behind the end', async () => {
    expect((await room.time.asOf(travel, at(0), everything)).rows).toEqual([]);
    const head = room.log.at(-1)?.position ?? 0n;
    await expect(room.time.asOf(travel, at(head + 1n), everything)).rejects.toThrow(
      new TravelRefused(`The log ends at position ${String(head)}.`),
    );
  });

  test('is the live one at its position', async () => {
    const head = await room.happens(pressed('live'));
    expect(await room.worker.progress.waitFor('buttons', head, 5_000)).toMatchObject({ reached: true });
    const { rows } = await testing.database.pool.query('select button, presses::integer from read.buttons order by 1');
    const { rows: scratch } = await room.time.asOf(travel, at(head), everything);
    expect(scratch.map(({ button, presses }) => ({ button, presses }))).toEqual(rows);
  });
});

describe('a read model as of a time', () => {
  test('has seen what was recorded at or before it', async () => {
    const first = await room.happens(pressed('timed'));
    await sleep(5);
    const second = await room.happens(pressed('timed'));
    const recordedAt = (position: bigint) =>
      room.log.find((each) => each.position === position)?.recordedAt ?? new Date();
    const positionAt = async (time: Date) => (await room.time.asOf(travel, { time }, everything)).position;
    expect(await positionAt(recordedAt(first))).toBe(Number(first));
    expect(await positionAt(new Date(recordedAt(second).getTime() - 1))).toBe(Number(first));
    expect(await positionAt(recordedAt(second))).toBe(Number(second));
    expect(await positionAt(new Date(0))).toBe(0);
    expect(await positionAt(new Date('2999-01-01'))).toBe(Number(second));
  });

  test('is asked for with a zone, or by the day', () => {
    expect(momentIn('17')).toEqual({ position: 17n });
    expect(momentIn('2026-03-01')).toEqual({ time: new Date('2026-03-01T00:00:00Z') });
    expect(momentIn('2026-03-01T12:00:00+02:00')).toEqual({ time: new Date('2026-03-01T10:00:00Z') });
    for (const neither of ['2026-03-01T12:00:00', 'yesterday', '-1', '1.5', '', '2026-02-30']) {
      expect(momentIn(neither)).toBeUndefined();
    }
  });
});

describe('a question', () => {
  let end: bigint;
  const ask = async (where: readonly string[], more = {}) => {
    const { rows } = await room.time.asOf(travel, at(end), { where, limit: 100, ...more });
    return rows.map(({ button, user_sub }) => button ?? user_sub);
  };
  beforeAll(async () => {
    for (const button of new Set(buttonsByHand(room.log).map((each) => each.button)))
      await room.happens(removed(button));
    end = await room.happens(pressed('a', 'ada', 3), pressed('b', "o'bob", 20), pressed('c', 'ada', 100));
  });

  test('has conditions on columns, an order and a limit', async () => {
    expect(await ask(['presses>=20'])).toEqual(['b', 'c']);
    expect(await ask(['presses>3', 'last=ada'])).toEqual(['c']);
    expect(await ask([`last=o'bob`])).toEqual(['b']);
    expect(await ask(['last!=ada'])).toEqual(['b']);
    expect(await ask(['last=null'])).toEqual([]);
    expect(await ask(['seen_at>2020-01-01T00:00:00Z'], { order: 'presses desc', limit: 2 })).toEqual(['c', 'b']);
    expect(await ask(['user_sub!=nobody'], { table: 'people', limit: 1 })).toEqual(['ada']);
    expect(await ask([], { table: 'button_people', order: 'user_sub desc', limit: 1 })).toEqual([`o'bob`]);
  });

  test('cannot be anything else', async () => {
    await expect(ask([`last=' or 1=1; drop schema log cascade; --`])).resolves.toEqual([]);
    const refusals: readonly (readonly [where: readonly string[], sentence: string, more?: object])[] = [
      [['1=1'], 'buttons has no column "1". It has: button, presses, most, last, seen_at.'],
      [
        ['presses or true'],
        '"presses or true" is no condition. One is such as total>=3; the signs are = != < <= > >=.',
      ],
      [['presses=many'], '"presses=many": presses is a whole number.'],
      [['most=99999999999'], '"most=99999999999": most is a whole number.'],
      [['last<null'], '"last<null": null is only = or !=.'],
      [['seen_at>today'], '"seen_at>today": seen_at is a time such as 2026-03-01T12:00:00Z.'],
      [[], '"presses; drop table x" is no order. One is such as total desc.', { order: 'presses; drop table x' }],
      [[], 'buttons has no table "events". It has: buttons, button_people.', { table: 'events' }],
    ];
    for (const [where, sentence, more] of refusals) {
      await expect(ask(where, more)).rejects.toThrow(new TravelRefused(sentence));
    }
    await expect(room.time.asOf({ ...travel, model: 'nothing' }, at(end), everything)).rejects.toThrow(ModelUnknown);
  });

  test('that reads too much of the log is refused before anything is made', async () => {
    const bounded = { ...travel, positionsMax: Number(end) - 1 };
    const refused = await room.time.asOf(bounded, at(end), everything).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(FoldTooLarge);
    // Everything in this log is taken by the read model.
    expect(refused).toMatchObject({ estimate: { positions: Number(end), events: Number(end) } });
    await expect(room.time.asOf(bounded, at(end - 1n), everything)).resolves.toBeDefined();
  });
});

describe('the difference between two moments', () => {
  test('is that of the two tables, in either direction', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const from = room.log.at(-1)?.position ?? 0n;
        const to = await room.happens(...history);
        for (const [one, other] of [
          [from, to],
          [to, from],
        ] as const) {
          const question = { ...everything, table: 'buttons' };
          const { tables, before, after } = await room.time.between(travel, [at(one), at(other)], question);
          expect({ before, after }).toEqual({ before: Number(one), after: Number(other) });
          expect(tables).toEqual([differenceByHand(buttonsByHand(until(one)), buttonsByHand(until(other)))]);
        }
      }),
      { numRuns: 4 },
    );
  }, 60_000);

  test('counts all rows, shows some, and is asked about some only', async () => {
    const from = room.log.at(-1)?.position ?? 0n;
    const to = await room.happens(pressed('n1', 'new', 1), pressed('n2', 'new', 2), pressed('n3', 'new', 3));
    const all = await room.time.between(travel, [at(from), at(to)], { where: [], limit: 1 });
    expect(all.tables).toMatchObject([
      { table: 'buttons', added: 3, removed: 0, changed: 0, differences: [{ kind: 'added', key: { button: 'n1' } }] },
      {
        table: 'button_people',
        added: 1,
        differences: [{ key: { user_sub: 'new' }, columns: { presses: { after: 6 } } }],
      },
    ]);
    const some = await room.time.between(travel, [at(from), at(to)], { where: ['presses=2'], limit: 9 });
    expect(some.tables).toMatchObject([{ table: 'buttons', added: 1, differences: [{ key: { button: 'n2' } }] }]);
  });
});

describe('whatever becomes of it', () => {
  test('an event that cannot be folded is named, and nothing is left', async () => {
    const poison = await room.happens(pressed('a'), pressed('a', 'ada', -1), pressed('a'));
    await expect(room.time.asOf(travel, at(poison), everything)).rejects.toThrow(
      `buttons cannot take the event at position ${String(poison - 1n)} (Pressed): RangeError`,
    );
    await expect(room.time.asOf(travel, at(poison - 2n), everything)).resolves.toBeDefined();
  });

  test('an abort ends it, and nothing is left', async () => {
    const stopped = new AbortController();
    const onProgress = () => {
      stopped.abort(new Error('Enough.'));
    };
    const stoppable = { ...travel, signal: stopped.signal, onProgress };
    await expect(room.time.asOf(stoppable, at(5), everything)).rejects.toThrow('Enough.');
  });

  test('the live read model, its views and its lease are as before', async () => {
    const { pool } = testing.database;
    const facts = async () => {
      const builds = await pool.query(`select build, schema, state, epoch from projecting.builds order by build`);
      const active = await pool.query('select * from projecting.active');
      const leases = await pool.query('select name, epoch from projecting.leases order by name');
      const views = await pool.query(
        `select table_name, view_definition from information_schema.views where table_schema = 'read' order by 1`,
      );
      return [builds.rows, active.rows, leases.rows, views.rows];
    };
    const before = await facts();
    await Promise.all([1, 2, 3].map((position) => room.time.between(travel, [at(position), at(5)], everything)));
    expect(await facts()).toEqual(before);
  });
});

function differenceByHand(before: readonly Button[], after: readonly Button[]) {
  const names = [...new Set([...before, ...after].map(({ button }) => button))].sort();
  const differences = names.flatMap((button) => {
    const was = before.find((each) => each.button === button);
    const is = after.find((each) => each.button === button);
    const columns: Record<string, object> = {};
    for (const name of ['presses', 'most', 'last', 'seen_at'] as const) {
      if (was?.[name] === is?.[name]) continue;
      columns[name] = { ...(was && { before: was[name] }), ...(is && { after: is[name] }) };
    }
    const kind = was === undefined ? 'added' : is === undefined ? 'removed' : 'changed';
    return Object.keys(columns).length === 0 ? [] : [{ kind, key: { button }, columns }];
  });
  const count = (kind: string): number => differences.filter((each) => each.kind === kind).length;
  return { table: 'buttons', added: count('added'), removed: count('removed'), changed: count('changed'), differences };
}
