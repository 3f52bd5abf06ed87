import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { position, wholeNumber } from '../../src/platform/http/query-numbers.js';

const Asked = z.object({ bin: wholeNumber(z.int()), limit: wholeNumber(z.int().min(1).max(10)).default(5) });

/** What JavaScript takes for a number besides, or is not whole. */
const notNumbers = [
  '',
  ' ',
  ' 1',
  '1 ',
  '0x10',
  '0b1',
  '1e3',
  '1.5',
  '1.',
  '.5',
  '+1',
  '--1',
  '１',
  'NaN',
  'Infinity',
  '1n',
  '1_000',
];

describe('a number in a query', () => {
  test('is what its digits say', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (whole) => {
        expect(Asked.parse({ bin: String(whole) }).bin).toBe(whole);
      }),
    );
    expect(Asked.parse({ bin: '007', limit: '10' })).toEqual({ bin: 7, limit: 10 });
  });

  test.each(notNumbers)('is not %j', (text) => {
    expect(Asked.safeParse({ bin: text }).success).toBe(false);
    expect(position.safeParse(text).success).toBe(false);
  });

  test('is not a number that is said twice, or too large to be counted to', () => {
    for (const bin of [['1', '2'], '9007199254740993', '9'.repeat(400)])
      expect(Asked.safeParse({ bin }).success).toBe(false);
  });

  test('is the default only if nothing is said at all', () => {
    expect(Asked.parse({ bin: '1' }).limit).toBe(5);
    expect(Asked.safeParse({ bin: '1', limit: '' }).success).toBe(false);
    expect(Asked.safeParse({ bin: '1', limit: '11' }).success).toBe(false);
  });

  test('is described as a number', () => {
    const described = z.toJSONSchema(Asked, { io: 'input' });
    expect(described.properties).toMatchObject({
      bin: { type: 'integer' },
      limit: { type: 'integer', minimum: 1, maximum: 10 },
    });
    expect(described.required).toEqual(['bin']);
  });
});

describe('a position in a query', () => {
  test('may have more digits than a double', () => {
    expect(position.parse('9223372036854775807')).toBe(9_223_372_036_854_775_807n);
    expect(position.safeParse('9223372036854775808').success).toBe(false);
    expect(position.safeParse('-1').success).toBe(false);
  });
});
