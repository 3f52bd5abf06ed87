import { describe, test } from '@jest/globals';
import fc from 'fast-check';
import { PromptContent } from '../../src/interactive-prompts/prompt-content.js';
import { prompt, type PromptEvent, type PromptWish } from '../../src/interactive-prompts/prompt.js';
import { askingTwiceHappensOnce, given } from '../support/given.js';
import { at, pressing, promptNo, tenRatings, threeWords, twoColors } from './stays.js';

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
const otherWords: PromptContent = { style: 'word', text: 'And now?', options: ['good', 'so so', 'bad'] };
const revised: PromptEvent = { type: 'PromptTextRevised', promptUid: promptNo(1), content: otherWords, at: at(5) };
const revise = (content: PromptContent): PromptWish => ({ type: 'ReviseText', content, at: at(5) });
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

  test('gets other words, as long as it asks the same', () => {
    given(prompt, [created]).when(revise(otherWords)).thenEvents([revised]);
    given(prompt, [created, revised]).when(revise(otherWords)).thenNothing();
    for (const content of [{ ...threeWords, options: ['a', 'b'] }, twoColors, pressing, tenRatings]) {
      given(prompt, [created])
        .when(revise(PromptContent.parse(content)))
        .thenRefused('another_question');
    }
    given(prompt).when(revise(otherWords)).thenRefused('not_found');
    given(prompt, [created, deleted]).when(revise(otherWords)).thenRefused('not_found');
  });

  test('never happens twice, whatever happened before', () => {
    askingTwiceHappensOnce(prompt, fc.constantFrom(create, remove, revise(threeWords), revise(otherWords)));
  });
});
