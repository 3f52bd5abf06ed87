import { describe, test } from '@jest/globals';
import fc from 'fast-check';
import { prompt, type PromptEvent, type PromptWish } from '../../src/interactive-prompts/prompt.js';
import { askingTwiceHappensOnce, given } from '../support/given.js';
import { at, promptNo, threeWords } from './stays.js';

const created: PromptEvent = {
  type: 'PromptCreated',
  promptUid: promptNo(1),
  content: threeWords,
  durationSeconds: 15,
  createdAt: at(0),
};
const deleted: PromptEvent = { type: 'PromptDeleted', promptUid: promptNo(1), at: at(9) };
const create: PromptWish = {
  type: 'CreatePrompt',
  promptUid: promptNo(1),
  content: threeWords,
  durationSeconds: 15,
  at: at(0),
};
const remove: PromptWish = { type: 'DeletePrompt', at: at(9) };

describe('a prompt', () => {
  test('is created once', () => {
    given(prompt).when(create).thenEvents([created]);
    given(prompt, [created]).when(create).thenRefused('already_exists');
    given(prompt, [created, deleted]).when(create).thenRefused('already_exists');
  });

  test('is deleted once, and asking again is no mistake', () => {
    given(prompt, [created]).when(remove).thenEvents([deleted]);
    given(prompt, [created, deleted]).when(remove).thenNothing();
  });

  test('cannot be deleted before it exists', () => {
    given(prompt).when(remove).thenRefused('not_found');
  });

  test('never happens twice, whatever happened before', () => {
    askingTwiceHappensOnce(prompt, fc.constantFrom(create, remove));
  });
});
