import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { binsOf, bucketOf } from '../../projections/interactive-prompts/bins.js';
import { crowdOf } from '../../projections/interactive-prompts/crowd.js';
import { CrowdSums } from '../../projections/interactive-prompts/crowd-sums.js';
import { eventCounts } from '../../projections/interactive-prompts/event-counts.js';
import { nodesToRead } from '../../projections/interactive-prompts/fenwick-tree.js';
import { prefixSums } from '../../projections/interactive-prompts/prefix-sums.js';
import { sampleOf } from '../../projections/interactive-prompts/sample.js';
import { shapeOf } from '../../src/interactive-prompts/prompt-content.js';
import { Folding } from '../../src/platform/projecting/fold.js';
import { keyText } from '../../src/platform/projecting/table-changes.js';
import type { Projection } from '../../src/platform/projecting/projection.js';
import { crowdByHand, crowds, type CrowdHistory, isMoment } from './crowds.js';
import { eventNo, promptNo, recorded } from './stays.js';

describe('the numbers of a crowd', () => {
  test('are at every bin what counting by hand counts', () => {
    fc.assert(
      fc.property(crowds, (crowd) => {
        const rows = rowsOf(prefixSums, crowd);
        for (let bin = 0; bin < binsOf(crowd.durationSeconds); bin += 1) {
          const nodes = [...nodesToRead(bin)];
          const read = crowdOf(shapeOf(crowd.content), (category, value) =>
            nodes.reduce((sum, node) => sum + (rows.get(`${String(node)} ${category} ${String(value)}`) ?? 0), 0),
          );
          expect({ bin, ...read }).toEqual({ bin, ...crowdByHand(crowd, bin) });
        }
      }),
    );
  });

  test('are the same in memory, as long as no session changes hands', () => {
    fc.assert(
      fc.property(crowds, ({ events, ...prompt }) => {
        const crowd = {
          ...prompt,
          events: events.filter(({ type }) => type !== 'SessionOwnerChanged').map(asFirstOwner),
        };
        const sums = new CrowdSums(crowd.durationSeconds, 0n);
        for (const event of crowd.events) if (isMoment(event)) sums.take(event);
        for (let bin = 0; bin < binsOf(crowd.durationSeconds); bin += 1)
          expect({ bin, ...sums.at(bin, shapeOf(crowd.content)) }).toEqual({ bin, ...crowdByHand(crowd, bin) });
      }),
    );
  });

  test('are never negative, nor are there more people than sessions', () => {
    fc.assert(
      fc.property(crowds, (crowd) => {
        for (let bin = 0; bin < binsOf(crowd.durationSeconds); bin += 1) {
          const { users, people, likes, press, pressActive, numericActive, colorActive, wordActive } = crowdByHand(
            crowd,
            bin,
          );
          const all = [users, people, likes, press ?? 0, pressActive ?? 0, ...Object.values(numericActive ?? {})];
          expect(Math.min(...all, ...(colorActive ?? []), ...(wordActive ?? []))).toBeGreaterThanOrEqual(0);
          expect(people).toBeLessThanOrEqual(users);
        }
      }),
    );
  });

  test('of each second are all events of that second', () => {
    fc.assert(
      fc.property(crowds, (crowd) => {
        const rows = rowsOf(eventCounts, crowd);
        for (let bucket = 0; bucket <= crowd.durationSeconds; bucket += 1) {
          const total = crowd.events.filter(isMoment).filter((one) => bucketOf(one.promptTime) === bucket).length;
          expect(rows.get(String(bucket)) ?? 0).toBe(total);
        }
      }),
    );
  });
});

describe('the place of an event in every sample', () => {
  test('is its own for ever, and spread evenly', () => {
    const samples = Array.from({ length: 20_000 }, (_, n) => sampleOf(eventNo(n)));
    expect(samples).toEqual(Array.from({ length: 20_000 }, (_, n) => sampleOf(eventNo(n))));
    for (const share of [0.01, 0.1, 0.5, 0.9]) {
      const kept = samples.filter((sample) => sample < share).length;
      const deviation = Math.sqrt(20_000 * share * (1 - share));
      expect(Math.abs(kept - 20_000 * share)).toBeLessThan(4 * deviation);
    }
    expect(Math.min(...samples)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...samples)).toBeLessThan(1);
  });
});

/** As if the session had always been its first owner's. */
function asFirstOwner(event: CrowdHistory['events'][number]): CrowdHistory['events'][number] {
  return { ...event, userSub: firstOwners.get(event.sessionUid) ?? remember(event) };
}

const firstOwners = new Map<string, CrowdHistory['events'][number]['userSub']>();

function remember({ sessionUid, userSub }: CrowdHistory['events'][number]) {
  firstOwners.set(sessionUid, userSub);
  return userSub;
}

/** The rows of the projection's first table after these events: its number, by the key without the prompt. */
function rowsOf(projection: Projection, { events }: CrowdHistory): ReadonlyMap<string, number> {
  const folding = new Folding(projection);
  const all = events.map((event, index) => recorded(event, index + 1));
  // Nothing was there before.
  for (const { changes, keys } of folding.wanted(all))
    changes.load(
      [...keys.values()].map((key) => keyText(changes.layout, key)),
      [],
    );
  folding.run(all);
  const [changes] = folding.changes;
  const rows = new Map<string, number>();
  for (const { key, values } of changes?.rows.values() ?? []) {
    const [promptUid, ...rest] = key;
    expect(promptUid).toBe(promptNo(1));
    rows.set(rest.map(String).join(' '), Number(values[0]));
  }
  return rows;
}
