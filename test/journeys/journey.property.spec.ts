import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isRefusal } from '../../src/kernel/decision-model.js';
import { asksTheSame, type PromptContent } from '../../src/interactive-prompts/prompt-content.js';
import { journey, type Journey, type JourneyEvent, type JourneyWish } from '../../src/journeys/journey.js';
import { promptNo } from '../interactive-prompts/stays.js';
import { askingTwiceHappensOnce } from '../support/given.js';
import { change, create } from './journey-examples.js';
import { at } from '../interactive-prompts/stays.js';

const contents: fc.Arbitrary<PromptContent> = fc.oneof(
  fc.record({
    style: fc.constant('word' as const),
    text: fc.constantFrom('How?', 'Why?'),
    options: fc.constantFrom('ab', 'ac', 'abc').map((letters) => letters.split('')),
  }),
  fc.record({ style: fc.constant('press' as const), text: fc.constantFrom('Hold', 'Press') }),
  fc.record({
    style: fc.constant('numeric' as const),
    text: fc.constant('Rate'),
    min: fc.constantFrom(0, 1),
    max: fc.constantFrom(5, 6),
    step: fc.constant(1 as const),
  }),
);

/** Prompts are numbered as they come, as in life; now and then a wish comes again with the number it had. */
const changes = fc
  .record({
    n: fc.integer({ min: 2, max: 12 }),
    content: fc.option(contents, { nil: undefined }),
    durationSeconds: fc.option(fc.constantFrom(10, 20), { nil: undefined }),
    archivesResponses: fc.boolean(),
    title: fc.option(fc.constantFrom('One', 'Two'), { nil: undefined }),
  })
  .map(({ n, ...wanted }) => change(wanted, n));
const ends = fc.constantFrom<JourneyWish>({ type: 'DeleteJourney', at: at(9) }, { type: 'UndeleteJourney', at: at(9) });
const wishes = fc.oneof({ weight: 4, arbitrary: changes }, ends, fc.constant(create));

function lived(commands: readonly JourneyWish[]): readonly JourneyEvent[] {
  let state: Journey = journey.initial;
  const events: JourneyEvent[] = [];
  for (const command of [create, ...commands]) {
    const decision = journey.decide(command, state);
    if (isRefusal(decision)) continue;
    events.push(...decision);
    state = decision.reduce(journey.evolve, state);
  }
  return events;
}

describe('whatever is done to a journey', () => {
  test('asking twice never makes it happen twice', () => {
    askingTwiceHappensOnce(journey, wishes);
  });

  test('every prompt but the current one has exactly one link, and no link is lost', () => {
    fc.assert(
      fc.property(fc.array(wishes, { maxLength: 30 }), (commands) => {
        const events = lived(commands);
        const links = events.filter((event) => event.type === 'JourneyPromptReplaced');
        const asked = [promptNo(1), ...links.map(({ promptUid }) => promptUid)];
        expect(links.map(({ formerPromptUid }) => formerPromptUid)).toEqual(asked.slice(0, -1));
        expect(new Set(asked).size).toBe(asked.length);
        const now = events.reduce(journey.evolve, journey.initial);
        expect(now).toMatchObject({ promptUid: asked.at(-1), formerPromptUids: asked.slice(0, -1) });
      }),
    );
  });

  test('one prompt never asks for two kinds of answers', () => {
    fc.assert(
      fc.property(fc.array(wishes, { maxLength: 30 }), (commands) => {
        const first = new Map<string, PromptContent>();
        for (const event of lived(commands)) {
          if (!('content' in event)) continue;
          const before = first.get(event.promptUid) ?? event.content;
          expect(asksTheSame(before, event.content)).toBe(true);
          first.set(event.promptUid, before);
        }
      }),
    );
  });
});
