import { describe, expect, test } from '@jest/globals';
import { PromptEventUid, PromptUid } from '../../src/kernel/ids.js';
import { derivedUid, newUid } from '../../src/platform/ids/uids.js';

describe('a new id', () => {
  test('has the form of its kind', () => {
    expect(newUid('ip', PromptUid)).toMatch(/^oseh_ip_[\w-]{22}$/);
    expect(() => newUid('ipe', PromptUid)).toThrow('oseh_ip_');
  });

  test('is new, and begins like those made at the same time', () => {
    const made = Array.from({ length: 100 }, () => newUid('ip', PromptUid));
    expect(new Set(made).size).toBe(100);
    // Six bytes of milliseconds are eight characters; these were made within four hours.
    expect(new Set(made.map((uid) => uid.slice(0, 'oseh_ip_'.length + 4))).size).toBe(1);
  });
});

describe('a derived id', () => {
  test('is the same for the same source, and for no other', () => {
    const uid = derivedUid('ipe', PromptEventUid, 'the end');
    expect(derivedUid('ipe', PromptEventUid, 'the end')).toBe(uid);
    expect(derivedUid('ipe', PromptEventUid, 'the beginning')).not.toBe(uid);
  });
});
