import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ChangedRows, type RowChange } from '../../src/platform/projecting/changed-rows.js';
import { layoutOf } from '../../src/platform/projecting/columns.js';
import { table } from '../../src/platform/projecting/table.js';

const visits = table({
  name: 'visits',
  columns: { person: 'text', seen_at: 'timestamptz', day: 'integer', first: 'boolean', times: 'integer' },
  key: ['person', 'seen_at', 'day', 'first'],
});

const at = (ms: number) => ({ person: 'ann', seen_at: new Date(ms), day: 1, first: true });

describe('the rows that a batch changes', () => {
  test('are one where the keys are equal, whatever objects they are made of', () => {
    const rows = new ChangedRows(layoutOf(visits));
    const change = rows.ofOrNew(at(5));
    expect(rows.ofOrNew(at(5))).toBe(change);
    expect(rows.of(at(5))).toBe(change);
    expect(rows.size).toBe(1);
  });

  test('differ by every part of the key', () => {
    const rows = new ChangedRows(layoutOf(visits));
    const keys = [at(5), at(6), { ...at(5), person: 'bo' }, { ...at(5), day: 2 }, { ...at(5), first: false }];
    const changes = keys.map((key) => rows.ofOrNew(key));
    expect(new Set(changes).size).toBe(keys.length);
    expect([...rows.values()]).toEqual(changes);
    expect(changes[2]?.key).toEqual(['bo', new Date(5), 1, true]);
    expect(keys.map((key) => rows.of(key))).toEqual(changes);
  });

  test('are not there before they are changed', () => {
    const rows = new ChangedRows(layoutOf(visits));
    rows.ofOrNew(at(5));
    expect(rows.of(at(6))).toBeUndefined();
    expect(rows.of({ ...at(5), person: 'bo' })).toBeUndefined();
  });

  test('are told apart however many they are, and whichever parts they share', () => {
    const keys = fc.array(
      fc.record({
        person: fc.constantFrom('ann', 'bo', 'cy'),
        seen_at: fc.integer({ min: 0, max: 400 }).map((ms) => new Date(ms)),
        day: fc.integer({ min: 0, max: 3 }),
        first: fc.boolean(),
      }),
      { maxLength: 2_500, size: 'max' },
    );
    fc.assert(
      fc.property(keys, (all) => {
        const rows = new ChangedRows(layoutOf(visits));
        const known = new Map<string, RowChange>();
        for (const key of all) {
          const text = JSON.stringify([key.person, key.seen_at, key.day, key.first]);
          const before = known.get(text);
          expect(rows.of(key)).toBe(before);
          const change = rows.ofOrNew(key);
          if (before !== undefined) expect(change).toBe(before);
          known.set(text, change);
        }
        expect([...rows.values()]).toEqual([...known.values()]);
        expect(new Set(rows.values()).size).toBe(known.size);
      }),
      { numRuns: 30 },
    );
  });
});
