import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { binOf, binsOf, bucketOf } from '../../projections/interactive-prompts/bins.js';
import { eventCounts } from '../../projections/interactive-prompts/event-counts.js';
import { nodesToRead } from '../../projections/interactive-prompts/fenwick-tree.js';
import { prefixSums } from '../../projections/interactive-prompts/prefix-sums.js';
import { Folding } from '../../src/platform/projecting/fold.js';
import type { Projection } from '../../src/platform/projecting/projection.js';
import { countUpTo, crowds, type CrowdHistory } from './crowds.js';
import { promptNo, recorded } from './stays.js';

describe('the numbers of a crowd', () => {
  test('are at every bin what counting by hand counts', () => {
    fc.assert(
      fc.property(crowds, (crowd) => {
        const rows = rowsOf(prefixSums, crowd);
        for (let bin = 0; bin < binsOf(crowd.durationSeconds); bin += 1) {
          const read = (category: string): number =>
            [...nodesToRead(bin)].reduce((sum, node) => sum + (rows.get(`${String(node)} ${category} 0`) ?? 0), 0);
          const { users, likes } = countUpTo(crowd.events, isUpTo(bin, crowd));
          expect({ bin, users: read('users'), likes: read('likes') }).toEqual({ bin, users, likes });
        }
      }),
    );
  });

  test('are never negative, and none is there at the end who left', () => {
    fc.assert(
      fc.property(crowds, (crowd) => {
        const bins = binsOf(crowd.durationSeconds);
        const users = Array.from({ length: bins }, (_, bin) => countUpTo(crowd.events, isUpTo(bin, crowd)).users);
        expect(Math.min(...users)).toBeGreaterThanOrEqual(0);
        const sessions = new Set(
          crowd.events.filter(({ type }) => type === 'SessionJoined').map((it) => it.sessionUid),
        );
        for (const { type, sessionUid } of crowd.events) if (type === 'SessionLeft') sessions.delete(sessionUid);
        expect(users.at(-1)).toBe(sessions.size);
      }),
    );
  });

  test('of each second are all events of that second', () => {
    fc.assert(
      fc.property(crowds, (crowd) => {
        const rows = rowsOf(eventCounts, crowd);
        for (let bucket = 0; bucket <= crowd.durationSeconds; bucket += 1) {
          const { total } = countUpTo(crowd.events, ({ promptTime }) => bucketOf(promptTime) === bucket);
          expect(rows.get(String(bucket)) ?? 0).toBe(total);
        }
      }),
    );
  });
});

const isUpTo =
  (bin: number, { durationSeconds }: CrowdHistory) =>
  ({ promptTime }: { readonly promptTime: number }): boolean =>
    binOf(promptTime, durationSeconds) <= bin;

/** The rows of the projection's one table after these events: its number, by the key without the prompt. */
function rowsOf(projection: Projection, { events }: CrowdHistory): ReadonlyMap<string, number> {
  const folding = new Folding(projection);
  folding.run(events.map((event, index) => recorded(event, index + 1)));
  const [changes] = folding.changes;
  const rows = new Map<string, number>();
  for (const { key, values } of changes?.rows.values() ?? []) {
    const [promptUid, ...rest] = key;
    expect(promptUid).toBe(promptNo(1));
    rows.set(rest.map(String).join(' '), Number(values[0]));
  }
  return rows;
}
