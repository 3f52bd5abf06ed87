import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { binOf, binsOf, binWidthSecondsOf, bucketOf } from '../../projections/interactive-prompts/bins.js';

describe('the bins of a prompt', () => {
  test.each([
    [1, 1],
    [2, 1],
    [3, 3],
    [5, 7],
    [8, 7],
    [10, 15],
    [15, 15],
    [16, 15],
    [20, 31],
    [30, 31],
    [60, 63],
    [64, 63],
    [132, 255],
    [300, 511],
  ])('[1] last %d s in %d bins', (durationSeconds, bins) => {
    expect(binsOf(durationSeconds)).toBe(bins);
  });

  test.each([
    [5, 0.7142857142857143],
    [8, 1.1428571428571428],
    [10, 0.6666666666666666],
    [16, 1.0666666666666667],
    [20, 0.6451612903225806],
    [60, 0.9523809523809523],
    [300, 0.5870841487279843],
  ])('of %d s are %d s wide', (durationSeconds, widthSeconds) => {
    expect(binWidthSecondsOf(durationSeconds)).toBe(widthSeconds);
  });

  test.each([
    ['[2] an exact boundary belongs to the later bin', 15, 1, 1],
    ['[4] also where the width is two thirds', 10, 2, 3],
    ['[5] a time is not truncated to a whole second first', 10, 0.67, 1],
    ['[6] the very end belongs to the last bin', 15, 15, 14],
    ['[7] 19.99 of 60 s', 60, 19.99, 20],
    ['[7] 20 of 60 s', 60, 20, 21],
    ['[7] 40 of 60 s', 60, 40, 42],
    ['[7] 60 of 60 s', 60, 60, 62],
    ['[11a] the double division decides, where an exact one would say 85', 132, 44, 84],
  ])('%s', (_, durationSeconds, promptTime, bin) => {
    expect(binOf(promptTime, durationSeconds)).toBe(bin);
  });

  test('never run backwards and never beyond the last one', () => {
    const duration = fc.integer({ min: 1, max: 86_400 });
    const shares = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(duration, shares, (durationSeconds, [one, other]) => {
        const early = binOf(Math.min(one, other) * durationSeconds, durationSeconds);
        const late = binOf(Math.max(one, other) * durationSeconds, durationSeconds);
        expect(early).toBeGreaterThanOrEqual(0);
        expect(late).toBeGreaterThanOrEqual(early);
        expect(late).toBeLessThan(binsOf(durationSeconds));
      }),
    );
  });

  test('are one less than a power of two, and only that one makes them wider than a second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 86_400 }), (durationSeconds) => {
        const nodes = binsOf(durationSeconds) + 1;
        expect(nodes & (nodes - 1)).toBe(0);
        expect(durationSeconds / nodes).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('the bucket of an event', () => {
  test.each([
    [0, 0],
    [2.9, 2],
    [3, 3],
    [15, 15],
  ])('at %d s is %d', (promptTime, bucket) => {
    expect(bucketOf(promptTime)).toBe(bucket);
  });
});
