import { describe, expect, test } from '@jest/globals';
import { isRefusal, refuse } from '../../src/kernel/decision-model.js';

describe('a decision', () => {
  test('tells a refusal from events', () => {
    expect(isRefusal(refuse('NotInPrompt'))).toBe(true);
    expect(isRefusal([])).toBe(false);
  });
});
