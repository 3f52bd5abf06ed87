import { describe, expect, test } from '@jest/globals';
import type { PromptContent } from '../../src/interactive-prompts/prompt-content.js';
import { hasAsked, journey, type JourneyEvent, type JourneyWish } from '../../src/journeys/journey.js';
import { promptWishesOf } from '../../src/journeys/journey-prompts.js';
import { at, promptNo, threeWords } from '../interactive-prompts/stays.js';
import { given } from '../support/given.js';
import { change, create, created, journeyNo, replaced, sleep } from './journey-examples.js';

const reworded: PromptContent = { style: 'word', text: 'And now?', options: ['calm', 'fine', 'tense'] };
const fourWords: PromptContent = { style: 'word', text: 'How do you feel?', options: ['calm', 'fine', 'tense', 'sad'] };
const revised: JourneyEvent = {
  type: 'JourneyPromptRevised',
  journeyUid: journeyNo(1),
  promptUid: promptNo(1),
  content: reworded,
  at: at(2),
};
const deleted: JourneyEvent = { type: 'JourneyDeleted', journeyUid: journeyNo(1), at: at(5) };
const undeleted: JourneyEvent = { type: 'JourneyUndeleted', journeyUid: journeyNo(1), at: at(5) };
const remove: JourneyWish = { type: 'DeleteJourney', at: at(5) };
const restore: JourneyWish = { type: 'UndeleteJourney', at: at(5) };

describe('a journey', () => {
  test('is created once', () => {
    given(journey).when(create).thenEvents([created]);
    given(journey, [created]).when(create).thenRefused('already_exists');
    given(journey, [created, deleted]).when(create).thenRefused('already_exists');
  });

  test('cannot be changed, deleted or restored before it exists', () => {
    for (const command of [change({ title: 'x' }), remove, restore]) {
      given(journey).when(command).thenRefused('not_found');
    }
  });

  test('is deleted and restored, and asking again is no mistake', () => {
    given(journey, [created]).when(remove).thenEvents([deleted]);
    given(journey, [created, deleted]).when(remove).thenNothing();
    given(journey, [created, deleted]).when(restore).thenEvents([undeleted]);
    given(journey, [created]).when(restore).thenNothing();
  });

  test('is not changed while it is deleted', () => {
    given(journey, [created, deleted])
      .when(change({ title: 'x' }))
      .thenRefused('not_found');
    given(journey, [created, deleted, undeleted])
      .when(change({ title: 'x' }))
      .thenEvents([{ type: 'JourneyRetitled', journeyUid: journeyNo(1), title: 'x', at: at(2) }]);
  });

  test('changes its title and subcategory without touching its prompt', () => {
    const rest = { internalName: 'rest', externalName: 'Better sleep' };
    given(journey, [created])
      .when(change({ title: 'A walk', subcategory: rest }))
      .thenEvents([
        { type: 'JourneySubcategoryChanged', journeyUid: journeyNo(1), subcategory: rest, at: at(2) },
        { type: 'JourneyRetitled', journeyUid: journeyNo(1), title: 'A walk', at: at(2) },
      ]);
    given(journey, [created])
      .when(change({ title: created.title, subcategory: { ...sleep } }))
      .thenNothing();
  });
});

describe('the prompt of a journey', () => {
  test('is revised by other words for the same question', () => {
    given(journey, [created])
      .when(change({ content: reworded }))
      .thenEvents([revised]);
    given(journey, [created])
      .when(change({ content: threeWords }))
      .thenNothing();
  });

  test('is replaced by another question, another duration or a wish to begin anew', () => {
    const to = (changes: Parameters<typeof replaced>[1]) => [replaced(2, changes)];
    const begun = given(journey, [created]);
    begun.when(change({ content: fourWords })).thenEvents(to({ content: fourWords }));
    begun.when(change({ durationSeconds: 20 })).thenEvents(to({ durationSeconds: 20 }));
    begun.when(change({ durationSeconds: 10 })).thenEvents(to({}));
    begun.when(change({ archivesResponses: true })).thenEvents(to({}));
    begun.when(change({ archivesResponses: true, content: reworded })).thenEvents(to({ content: reworded }));
  });

  test('keeps the words it was revised to when it is replaced for another reason', () => {
    given(journey, [created, revised])
      .when(change({ durationSeconds: 20 }))
      .thenEvents([replaced(2, { content: reworded, durationSeconds: 20 })]);
  });

  test('is not replaced again by the prompt that replaced it, nor by a former one', () => {
    given(journey, [created, replaced(2)])
      .when(change({ archivesResponses: true }))
      .thenNothing();
    given(journey, [created, replaced(2), replaced(3)])
      .when(change({ archivesResponses: true }))
      .thenNothing();
  });

  test('is known from every former one', () => {
    const now = [created, replaced(2), replaced(3)].reduce(journey.evolve, journey.initial);
    if (now.phase === 'missing') throw new Error('There is a journey.');
    expect([1, 2, 3, 4].map((n) => hasAsked(now, promptNo(n)))).toEqual([true, true, true, false]);
  });
});

describe('what happens to a journey', () => {
  test('happens to its prompts', () => {
    const { promptUid, content, durationSeconds } = created;
    const creation = { type: 'CreatePrompt', promptUid, content, durationSeconds, at: at(0) };
    expect(promptWishesOf(created)).toEqual([{ id: promptUid, payload: creation }]);
    expect(promptWishesOf(revised)).toEqual([
      { id: promptNo(1), payload: { type: 'ReviseText', content: reworded, at: at(2) } },
    ]);
    expect(promptWishesOf(replaced(2))).toEqual([
      { id: promptNo(2), payload: { ...creation, promptUid: promptNo(2), at: at(2) } },
      { id: promptNo(1), payload: { type: 'DeletePrompt', at: at(2) } },
    ]);
  });

  test('leaves them alone when it is about the journey itself', () => {
    expect([deleted, undeleted].flatMap(promptWishesOf)).toEqual([]);
  });
});
