import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nodesToChange, nodesToRead } from '../../projections/interactive-prompts/fenwick-tree.js';

const capacities = fc.integer({ min: 1, max: 10 }).map((levels) => 2 ** levels - 1);

describe('a Fenwick tree', () => {
  test('sums up to any bin what counting by hand sums up', () => {
    const histories = capacities.chain((bins) =>
      fc.record({
        bins: fc.constant(bins),
        changes: fc.array(fc.tuple(fc.nat(bins - 1), fc.integer({ min: -3, max: 3 })), { maxLength: 200 }),
      }),
    );
    fc.assert(
      fc.property(histories, ({ bins, changes }) => {
        const nodes = new Map<number, number>();
        for (const [bin, change] of changes) {
          for (const node of nodesToChange(bin, bins)) nodes.set(node, (nodes.get(node) ?? 0) + change);
        }
        for (let bin = 0; bin < bins; bin += 1) {
          const read = [...nodesToRead(bin)].reduce((sum, node) => sum + (nodes.get(node) ?? 0), 0);
          const counted = changes.reduce((sum, [at, change]) => (at <= bin ? sum + change : sum), 0);
          expect(read).toBe(counted);
        }
      }),
    );
  });

  test('reads and changes at most log2 of its size', () => {
    fc.assert(
      fc.property(
        capacities.chain((bins) => fc.tuple(fc.constant(bins), fc.nat(bins - 1))),
        ([bins, bin]) => {
          const levels = Math.log2(bins + 1);
          expect([...nodesToRead(bin)].length).toBeLessThanOrEqual(levels);
          const changed = [...nodesToChange(bin, bins)];
          expect(changed.length).toBeLessThanOrEqual(levels);
          expect(Math.max(...changed)).toBeLessThan(bins);
        },
      ),
    );
  });

  test.each([
    [0, [0, 1, 3, 7]],
    [14, [14]],
    [7, [7]],
    [8, [8, 9, 11]],
  ])('of 15 bins keeps bin %d in the nodes %j', (bin, nodes) => {
    expect([...nodesToChange(bin, 15)]).toEqual(nodes);
  });

  test('[9] reads the last bin of 15 from four nodes', () => {
    expect([...nodesToRead(14)]).toEqual([14, 13, 11, 7]);
  });
});
