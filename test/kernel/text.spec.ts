import { describe, expect, test } from '@jest/globals';
import { UserSub } from '../../src/kernel/ids.js';
import { isStorableText, line } from '../../src/kernel/text.js';

describe('text that can be kept', () => {
  test.each(['', 'plain', 'What’s next?', '😌', 'two\nlines'])('is %j', (text) => {
    expect(isStorableText(text)).toBe(true);
  });

  test.each(['a\0b', 'half \ud83d', '\ude0c half'])('is not %j', (text) => {
    expect(isStorableText(text)).toBe(false);
    expect(line({ charactersMax: 75 }).safeParse(text).success).toBe(false);
    expect(UserSub.safeParse(text).success).toBe(false);
  });
});

describe('a line', () => {
  const three = line({ charactersMax: 3 });

  test('is trimmed before it is measured', () => {
    expect(three.parse('  abc ')).toBe('abc');
    expect(three.safeParse('   ').success).toBe(false);
    expect(three.safeParse('abcd').success).toBe(false);
  });

  test('is as long as a reader would say', () => {
    expect(three.parse('😌😌😌')).toBe('😌😌😌');
    expect(three.safeParse('😌😌😌😌').success).toBe(false);
  });
});
