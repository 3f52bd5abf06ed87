import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { event } from '../../src/kernel/event-family.js';
import { EventCodec, EventInvalid, EventUnreadable } from '../../src/platform/event-store/event-codec.js';
import type { StoredEvent } from '../../src/platform/event-store/event-store.js';
import type { Upcast } from '../../src/kernel/upcast.js';
import { HistoryInvalid } from '../../src/platform/event-store/upcasts.js';

const tea = {
  TeaPoured: event(z.object({ cups: z.number(), note: z.string().optional() })),
  TeaSpilt: event(z.object({ millilitres: z.int(), table: z.string() }), {
    version: 3,
    from: {
      1: (data) => ({ millilitres: Number(data['centilitres']) * 10 }),
      2: (data) => ({ ...data, table: 'kitchen' }),
    },
  }),
};

const stored = (event: Pick<StoredEvent, 'type' | 'schemaVersion' | 'data'> & Partial<StoredEvent>): StoredEvent => ({
  position: 7n,
  stream: 'tea-1',
  version: 2,
  id: '01980000-0000-7000-8000-000000000000',
  metadata: { correlationId: 'c' },
  recordedAt: new Date(0),
  ...event,
});

describe('writing an event', () => {
  const codec = new EventCodec([tea]);

  test('stores its data without the type, under the current version', () => {
    expect(codec.encode({ type: 'TeaPoured', ...{ cups: 2 } })).toEqual({
      type: 'TeaPoured',
      schemaVersion: 1,
      data: { cups: 2 },
    });
    expect(codec.encode({ type: 'TeaSpilt', ...{ millilitres: 5, table: 'desk' } }).schemaVersion).toBe(3);
  });

  test.each([
    ['a field its schema does not know', { cups: 1, sugar: 2 }, 'sugar is not in the schema'],
    ['a field of the wrong type', { cups: 'two' }, 'cups: Invalid input'],
    ['a missing field', {}, 'cups: Invalid input'],
    ['undefined', { cups: 1, note: undefined }, 'note is undefined'],
    ['NUL, which PostgreSQL cannot hold', { cups: 1, note: 'a\u0000b' }, 'note holds NUL'],
    ['half a surrogate pair', { cups: 1, note: '\ud83d' }, 'note holds NUL or half a surrogate pair'],
  ])('refuses %s', (_, data, why) => {
    expect(() => codec.encode({ type: 'TeaPoured', ...data })).toThrow(EventInvalid);
    expect(() => codec.encode({ type: 'TeaPoured', ...data })).toThrow(why);
  });

  test('keeps a whole surrogate pair', () => {
    expect(codec.encode({ type: 'TeaPoured', ...{ cups: 1, note: '🫖' } }).data).toEqual({ cups: 1, note: '🫖' });
  });

  test.each([
    ['defaults', z.object({ cups: z.number().default(1) }), {}, 'cups is added by the schema'],
    ['transforms', z.object({ cups: z.number().transform((cups) => cups + 1) }), { cups: 1 }, 'cups is changed by'],
    ['trims', z.object({ note: z.string().trim() }), { note: ' a' }, 'note is changed by the schema'],
    ['yields dates', z.object({ at: z.date() }), { at: new Date(0) }, 'at is not plain data'],
    ['yields big integers', z.object({ at: z.bigint() }), { at: 1n }, 'at is bigint'],
    ['yields infinity', z.object({ at: z.unknown() }), { at: Infinity }, 'at is not a finite number'],
    [
      'drops deep inside',
      z.object({ a: z.array(z.object({ b: z.int() })) }),
      { a: [{ b: 1, c: 2 }] },
      'a.0.c is not in',
    ],
    ['yields no object', z.unknown().transform(() => 'tea'), {}, 'data is changed by the schema'],
  ])('refuses data whose schema %s, because reading would not', (_, schema, data, why) => {
    const wrong = new EventCodec([{ TeaPoured: event(schema) }]);
    expect(() => wrong.encode({ type: 'TeaPoured', ...data })).toThrow(why);
  });

  test('refuses a type that no family declares', () => {
    expect(() => codec.encode({ type: 'CoffeePoured' })).toThrow(EventInvalid);
  });
});

describe('reading an event', () => {
  test('gives back what was written, flat', () => {
    const codec = new EventCodec([tea]);
    const event = stored({ type: 'TeaPoured', schemaVersion: 1, data: { cups: 2 } });
    expect(codec.decode(event)).toEqual({
      position: 7n,
      stream: 'tea-1',
      version: 2,
      id: event.id,
      schemaVersion: 1,
      event: { type: 'TeaPoured', cups: 2 },
      metadata: { correlationId: 'c' },
      recordedAt: new Date(0),
    });
  });

  test('lifts older versions one at a time, up to the current one', () => {
    const codec = new EventCodec([tea]);
    const first = codec.decode(stored({ type: 'TeaSpilt', schemaVersion: 1, data: { centilitres: 3 } }));
    expect(first).toMatchObject({ schemaVersion: 3, event: { type: 'TeaSpilt', millilitres: 30, table: 'kitchen' } });
    const second = codec.decode(stored({ type: 'TeaSpilt', schemaVersion: 2, data: { millilitres: 4 } }));
    expect(second).toMatchObject({ schemaVersion: 3, event: { type: 'TeaSpilt', millilitres: 4, table: 'kitchen' } });
  });

  test('counts types and versions it does not know, and skips them', () => {
    const codec = new EventCodec([tea]);
    expect(codec.decode(stored({ type: 'CoffeePoured', schemaVersion: 1, data: {} }))).toBeUndefined();
    expect(codec.decode(stored({ type: 'CoffeePoured', schemaVersion: 2, data: {} }))).toBeUndefined();
    expect(codec.decode(stored({ type: 'TeaPoured', schemaVersion: 2, data: {} }))).toBeUndefined();
    expect([...codec.unknownTypes]).toEqual([
      ['CoffeePoured', 2],
      ['TeaPoured v2', 1],
    ]);
  });

  test('stops at lifted data that its schema refuses, and says where', () => {
    const codec = new EventCodec([tea]);
    const broken = stored({ type: 'TeaSpilt', schemaVersion: 1, data: {} });
    expect(() => codec.decode(broken)).toThrow(EventUnreadable);
    expect(() => codec.decode(broken)).toThrow('TeaSpilt version 1 at position 7 of the log cannot be read');
  });
});

describe('an upcast', () => {
  const brew: Upcast = {
    type: 'BrewServed',
    version: 1,
    into: [{ type: 'TeaSpilt', schemaVersion: 2 }],
    lift: ({ data }) => ({ type: 'TeaSpilt', schemaVersion: 2, data: { millilitres: data['ml'] ?? 0 } }),
    streams: { from: 'brew-', to: 'tea-' },
  };

  test('renames type and stream, and goes on through the family', () => {
    const codec = new EventCodec([tea], [brew]);
    const event = stored({ type: 'BrewServed', schemaVersion: 1, data: { ml: 9 }, stream: 'brew-8' });
    expect(codec.decode(event)).toMatchObject({
      stream: 'tea-8',
      schemaVersion: 3,
      event: { type: 'TeaSpilt', millilitres: 9, table: 'kitchen' },
    });
  });

  test('renames a stream with all that is in it, also what is written today', () => {
    const codec = new EventCodec([tea], [brew, { ...brew, type: 'Brewed' }]);
    const event = stored({ type: 'TeaPoured', schemaVersion: 1, data: { cups: 1 }, stream: 'brew-8' });
    expect(codec.decode(event)?.stream).toBe('tea-8');
    expect(codec.streamNow('tea-8')).toBe('tea-8');
    expect(codec.streamsBefore('tea-8')).toEqual(['brew-8']);
    expect(codec.storedCategories(['tea', 'coffee'])).toEqual(['tea', 'brew', 'coffee']);
    expect(codec.storedCategories(['brew'])).toEqual([]);
  });

  test('finds every earlier name of a stream that was renamed twice', () => {
    const older: Upcast = { ...brew, type: 'Brewed', streams: { from: 'pot-p_', to: 'brew-' } };
    const codec = new EventCodec([tea], [older, brew]);
    expect(codec.streamNow('pot-p_8')).toBe('tea-8');
    expect(codec.streamsBefore('tea-8')).toEqual(['pot-p_8', 'brew-8']);
    expect(codec.streamNow('pot-8')).toBe('pot-8');
  });

  test.each([
    ['in two ways', { from: 'brew-', to: 'coffee-' }, 'are renamed in two ways'],
    ['in a circle', { from: 'tea-', to: 'brew-' }, 'renamed in a circle: brew- -> tea-'],
    ['to what is no name', { from: 'pot-', to: 'brew' }, 'named category-id, not brew'],
  ])('is refused at the start when it renames streams %s', (_, streams, why) => {
    expect(() => new EventCodec([tea], [brew, { ...brew, type: 'Brewed', streams }])).toThrow(why);
  });

  test('whose lift fails stops the reader and says where', () => {
    const lift = () => {
      throw new RangeError('no such cup');
    };
    const codec = new EventCodec([tea], [{ ...brew, lift }]);
    const event = stored({ type: 'BrewServed', schemaVersion: 1, data: {} });
    expect(() => codec.decode(event)).toThrow(EventUnreadable);
    expect(() => codec.decode(event)).toThrow('at position 7 of the log cannot be read: its lift failed: no such cup.');
  });

  test('is known to filters, through chains too', () => {
    const older: Upcast = { ...brew, type: 'Brewed', into: [{ type: 'BrewServed', schemaVersion: 1 }] };
    const codec = new EventCodec([tea], [older, brew]);
    expect(codec.storedTypes(['TeaSpilt']).sort()).toEqual(['BrewServed', 'Brewed', 'TeaSpilt']);
    expect(codec.storedTypes(['TeaPoured'])).toEqual(['TeaPoured']);
  });

  const lift: Upcast['lift'] = () => ({ type: 'TeaSpilt', schemaVersion: 1, data: {} });
  const from = (type: string, version: number, ...into: Upcast['into']): Upcast => ({ type, version, into, lift });

  test.each([
    [
      'go in a circle',
      [from('A', 1, { type: 'B', schemaVersion: 1 }), from('B', 1, { type: 'A', schemaVersion: 1 })],
      'Upcasts go in a circle: A version 1 -> B version 1 -> A version 1.',
    ],
    [
      'lead nowhere',
      [from('A', 1, { type: 'Coffee', schemaVersion: 1 })],
      'no family declares: A version 1 -> Coffee version 1',
    ],
    ['lead to a version of the future', [from('A', 1, { type: 'TeaPoured', schemaVersion: 2 })], 'no family declares'],
    [
      'compete with a family',
      [from('TeaSpilt', 1, { type: 'TeaPoured', schemaVersion: 1 })],
      'TeaSpilt version 1 is lifted in two ways',
    ],
    ['lift what is current', [from('TeaPoured', 1, { type: 'TeaSpilt', schemaVersion: 1 })], 'must not be lifted'],
  ])('is refused at the start when upcasts %s', (_, upcasts, why) => {
    expect(() => new EventCodec([tea], upcasts)).toThrow(HistoryInvalid);
    expect(() => new EventCodec([tea], upcasts)).toThrow(why);
  });

  test('that yields what it did not declare is found when it happens', () => {
    const codec = new EventCodec([tea], [{ ...brew, lift: () => ({ type: 'Coffee', schemaVersion: 1, data: {} }) }]);
    expect(() => codec.decode(stored({ type: 'BrewServed', schemaVersion: 1, data: {} }))).toThrow(
      'which its upcast does not declare',
    );
  });
});

describe('an event of the past', () => {
  const codec = new EventCodec([tea]);
  const past = (schemaVersion: number, data: Record<string, number>) => ({
    id: '',
    type: 'TeaSpilt',
    schemaVersion,
    data,
  });

  test('may be stored when it can be read', () => {
    expect(codec.adopt(past(1, { centilitres: 2 }), 'tea-1').data).toEqual({ millilitres: 20, table: 'kitchen' });
    expect(codec.adopt({ ...past(1, { cups: 2 }), type: 'TeaPoured' }, 'tea-1').data).toEqual({ cups: 2 });
  });

  test.each([
    ['its lift yields nonsense', past(1, {}), 'cannot be stored: what it was lifted into is wrong'],
    ['it is of today and wrong', past(3, { millilitres: 2 }), 'cannot be stored: table: Invalid input'],
    ['its version is none', past(4, {}), 'cannot be stored: nothing says how version 4 is read'],
  ])('may not be stored when %s', (_, wrong, why) => {
    expect(() => codec.adopt(wrong, 'tea-1')).toThrow(EventInvalid);
    expect(() => codec.adopt(wrong, 'tea-1')).toThrow(why);
  });
});

describe('a family', () => {
  test.each([
    [
      'declares what another one does',
      [tea, { TeaPoured: tea.TeaPoured }],
      'Two families declare the event TeaPoured.',
    ],
    [
      'has a gap in its history',
      [{ A: event(z.object({}), { version: 3, from: { 1: (data) => data } }) }],
      'A does not say how version 2 is lifted.',
    ],
    [
      'lifts from a version it never had',
      [{ A: event(z.object({}), { version: 1, from: { 1: (data) => data } }) }],
      'A is at version 1 and cannot lift from version 1.',
    ],
    ['counts from 0', [{ A: event(z.object({}), { version: 0, from: {} }) }], 'A has version 0'],
  ])('is refused at the start when it %s', (_, families, why) => {
    expect(() => new EventCodec(families)).toThrow(HistoryInvalid);
    expect(() => new EventCodec(families)).toThrow(why);
  });
});
