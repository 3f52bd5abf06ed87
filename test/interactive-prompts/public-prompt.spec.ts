import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PublicRecordUid } from '../../src/kernel/ids.js';
import {
  promptsOfInstances,
  publicPrompt,
  type PublicPromptEvent,
  type PublicPromptWish,
} from '../../src/interactive-prompts/public-prompt.js';
import { shippedPublicPrompts } from '../../src/interactive-prompts/shipped-public-prompts.commands.js';
import { askingTwiceHappensOnce, given } from '../support/given.js';
import { at, promptNo, threeWords } from './stays.js';

const settings = {
  identifier: 'feeling',
  version: 0,
  content: threeWords,
  durationSeconds: 60,
  expiresSeconds: 2_419_200,
};
const define = (changes: Partial<typeof settings> = {}): PublicPromptWish => ({
  type: 'DefinePublicPrompt',
  ...settings,
  ...changes,
  at: at(0),
});
const defined = (version = 0): PublicPromptEvent => ({ type: 'PublicPromptDefined', ...settings, version, at: at(0) });
const recordNo = (n: number) => PublicRecordUid.parse(`oseh_pip_${String(n).padStart(22, '0')}`);
const rotate = (seconds: number, n = 1): PublicPromptWish => ({
  type: 'RotateInstance',
  promptUid: promptNo(n),
  recordUid: recordNo(n),
  at: at(seconds),
});
const rotated = (seconds: number, n: number, reason: 'first' | 'expired' | 'new_version', version = 0) =>
  ({
    type: 'PublicInstanceRotated',
    identifier: 'feeling',
    version,
    promptUid: promptNo(n),
    recordUid: recordNo(n),
    at: at(seconds),
    expiresAt: at(seconds + 2_419_200),
    reason,
  }) as const;

describe('an instance', () => {
  test('[73] is made when there is none, and lasts four weeks', () => {
    given(publicPrompt, [defined()])
      .when(rotate(10))
      .thenEvents([rotated(10, 1, 'first')]);
  });

  test('[74] stays while it lasts', () => {
    given(publicPrompt, [defined(), rotated(10, 1, 'first')])
      .when(rotate(86_400, 2))
      .thenNothing();
    given(publicPrompt, [defined(), rotated(10, 1, 'first')])
      .when(rotate(10 + 2_419_199, 2))
      .thenNothing();
  });

  test('[75] is replaced when it has expired', () => {
    given(publicPrompt, [defined(), rotated(10, 1, 'first')])
      .when(rotate(10 + 2_419_200, 2))
      .thenEvents([rotated(10 + 2_419_200, 2, 'expired')]);
  });

  test('[76] is replaced when there are newer settings', () => {
    given(publicPrompt, [defined(), rotated(10, 1, 'first'), defined(1)])
      .when(rotate(20, 2))
      .thenEvents([rotated(20, 2, 'new_version', 1)]);
  });

  test('needs a definition', () => {
    given(publicPrompt).when(rotate(0)).thenRefused('session_failed_to_start');
  });

  test('is a new prompt, made by the settings', () => {
    const before = publicPrompt.evolve(publicPrompt.initial, defined());
    const [made] = promptsOfInstances(rotated(10, 1, 'first'), before);
    expect(made).toMatchObject({
      id: promptNo(1),
      payload: { type: 'CreatePrompt', content: threeWords, durationSeconds: 60 },
    });
    expect(promptsOfInstances(defined(1), before)).toEqual([]);
  });
});

describe('a definition', () => {
  test('is taken again under a higher version only', () => {
    given(publicPrompt, [defined(2)])
      .when(define({ version: 2 }))
      .thenNothing();
    given(publicPrompt, [defined(2)])
      .when(define({ version: 2, durationSeconds: 10 }))
      .thenRefused('version_too_low');
    given(publicPrompt, [defined(2)])
      .when(define({ version: 1 }))
      .thenRefused('version_too_low');
    given(publicPrompt, [defined(2)])
      .when(define({ version: 3 }))
      .thenEvents([defined(3)]);
  });

  test('asked for twice happens once, and so does an instance', () => {
    const wishes = fc.oneof(
      fc.tuple(fc.nat(4), fc.nat(2)).map(([version, more]) => define({ version, durationSeconds: 60 + more })),
      fc.tuple(fc.nat(5_000_000), fc.nat(9)).map(([seconds, n]) => rotate(seconds, n)),
    );
    askingTwiceHappensOnce(publicPrompt, wishes);
  });

  test('is shipped for three identifiers, one with a typographic apostrophe', () => {
    expect(shippedPublicPrompts.map(({ identifier }) => identifier)).toEqual([
      'onboarding-prompt-feeling',
      'onboarding-prompt-feeling-result',
      'notification-time',
    ]);
    expect(shippedPublicPrompts[2]?.content.text).toContain('’');
  });
});
