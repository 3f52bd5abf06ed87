import { describe, expect, test } from '@jest/globals';
import { tailHealth } from '../../src/app/vital-signs.js';

const now = 1_800_000_000_000;
const readAgo = (ms: number) => ({ at: 7n, lastReadAt: new Date(now - ms), failing: undefined });

describe('the reader of the log', () => {
  test('is well while it reads, and while nobody has started it', () => {
    expect(tailHealth(readAgo(4_000), now)).toEqual({ ok: true, facts: { at: '7' } });
    expect(tailHealth({ at: 0n, lastReadAt: undefined, failing: undefined }, now)).toMatchObject({ ok: true });
  });

  test('is not well when it is silent', () => {
    expect(tailHealth(readAgo(5_001), now)).toMatchObject({ ok: false, why: 'the log was last read 5001 ms ago' });
  });

  test('is not well when it fails, however recently it read', () => {
    const failing = { since: new Date(now), error: new Error('password of db.internal') };
    const found = tailHealth({ ...readAgo(0), failing }, now);
    expect(found.ok).toBe(false);
    expect(JSON.stringify(found)).not.toContain('db.internal');
  });
});
