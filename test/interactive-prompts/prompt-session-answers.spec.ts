import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { PromptContent } from '../../src/interactive-prompts/prompt-content.js';
import { promptSession, type PromptSessionEvent } from '../../src/interactive-prompts/prompt-session.js';
import type { AnswerWish } from '../../src/interactive-prompts/prompt-session-answers.js';
import type { Participation, PromptSessionWish } from '../../src/interactive-prompts/prompt-session-wishes.js';
import { isRefusal } from '../../src/kernel/decision-model.js';
import { askingTwiceHappensOnce, given } from '../support/given.js';
import {
  at,
  direct,
  eventNo,
  expire,
  join,
  joined,
  leave,
  left,
  like,
  moment,
  opened,
  participation,
  pressing,
  promptAsking,
  releaseNo,
  sessionNo,
  stay,
  tenRatings,
  threeWords,
  twoColors,
  user,
} from './stays.js';

const asked = (content: PromptContent, ...rest: PromptSessionEvent[]): PromptSessionEvent[] => [
  { ...opened, content },
  joined(0),
  ...rest,
];
const answering = (wish: AnswerWish, promptTime: number, n = 2): AnswerWish & Participation => ({
  ...wish,
  ...participation(promptTime, n),
});
const rate = (rating: number): AnswerWish => ({ type: 'AnswerNumber', rating });
const word = (index: number): AnswerWish => ({ type: 'AnswerWord', index });
const color = (index: number): AnswerWish => ({ type: 'AnswerColor', index });
const [start, end] = [{ type: 'StartPress' }, { type: 'EndPress' }] as const;
const started = (promptTime: number, n = 2) => ({ type: 'PressStarted', ...moment(promptTime, n) }) as const;
const ended = (promptTime: number, n = 2) => ({ type: 'PressEnded', ...moment(promptTime, n) }) as const;

describe('an answer', () => {
  test('says what it takes the place of', () => {
    const first = { type: 'NumberAnswered', ...moment(1, 2), rating: 7, previous: null } as const;
    given(promptSession, asked(tenRatings))
      .when(answering(rate(7), 1))
      .thenEvents([first]);
    given(promptSession, asked(tenRatings, first))
      .when(answering(rate(9), 4, 3))
      .thenEvents([{ type: 'NumberAnswered', ...moment(4, 3), rating: 9, previous: 7 }]);
    const black = { type: 'ColorAnswered', ...moment(1, 2), index: 1, previous: null } as const;
    given(promptSession, asked(twoColors))
      .when(answering(color(1), 1))
      .thenEvents([black]);
    const calm = { type: 'WordAnswered', ...moment(1, 2), index: 0, previous: null } as const;
    given(promptSession, asked(threeWords, calm))
      .when(answering(word(0), 2, 3))
      .thenEvents([{ type: 'WordAnswered', ...moment(2, 3), index: 0, previous: 0 }]);
  });

  test.each([
    ['a rating of words', threeWords, rate(1)],
    ['a word of ratings', tenRatings, word(1)],
    ['a color of words', threeWords, color(1)],
    ['a word of colors', twoColors, word(1)],
    ['a press of words', threeWords, start],
    ['the end of a press of words', threeWords, end],
    ['a rating of a press', pressing, rate(1)],
  ])('[45] is of the kind that was asked for, so not %s', (_, content, wish) => {
    given(promptSession, asked(content)).when(answering(wish, 1)).thenRefused('impossible_event');
  });

  test.each([
    [threeWords, word(3)],
    [threeWords, word(-1)],
    [twoColors, color(2)],
    [tenRatings, rate(0)],
    [tenRatings, rate(11)],
    [tenRatings, rate(Number.NaN)],
    [pressing, end],
  ])('[31] [44] [46] fits what was asked: %j, %j', (content, wish) => {
    given(promptSession, asked(content)).when(answering(wish, 1)).thenRefused('impossible_event_data');
  });

  test('[49] is judged by its time first', () => {
    const calm = { type: 'WordAnswered', ...moment(5, 2), index: 0, previous: null } as const;
    given(promptSession, asked(threeWords, calm))
      .when(answering(word(9), 4))
      .thenRefused('session_has_later_event');
    given(promptSession, asked(threeWords, calm))
      .when(answering(word(9), 5))
      .thenRefused('session_has_same_event_at_same_time');
  });
});

describe('pressing', () => {
  test('[34] [35] is over when it ended at the instant at which it began', () => {
    const history = asked(pressing, started(5), ended(5, 3));
    given(promptSession, history).when(answering(end, 6)).thenRefused('impossible_event_data');
    given(promptSession, history)
      .when(answering(start, 6, 4))
      .thenEvents([started(6, 4)]);
  });

  test('[33] ends before somebody leaves, who leaves at that time', () => {
    given(promptSession, asked(pressing, started(1)))
      .when(leave(4, 3))
      .thenEvents([{ ...ended(4, 3), eventUid: releaseNo(3) }, left(4, 3)]);
    given(promptSession, asked(pressing, started(1), ended(2)))
      .when(leave(4, 3))
      .thenEvents([left(4, 3)]);
  });

  test('ends with the prompt', () => {
    given(promptSession, asked(pressing, started(1)))
      .when(expire(20, 3))
      .thenEvents([
        { ...ended(15, 3), eventUid: releaseNo(3), createdAt: at(20) },
        { ...left(15, 3, 'expired'), createdAt: at(20) },
      ]);
  });
});

describe('a session whose owner changes', () => {
  const change = { type: 'ChangeOwner', from: user('u1'), to: user('u2'), at: at(9) } as const;
  const changed = { type: 'SessionOwnerChanged', ...stay, newOwner: user('u2'), at: at(9) } as const;

  test('is then the new owner’s', () => {
    given(promptSession, [opened, joined(0)])
      .when(change)
      .thenEvents([changed]);
    given(promptSession, [opened, joined(0), changed])
      .when({ ...like(1, 2), userSub: user('u2') })
      .thenEvents([{ type: 'PromptLiked', ...moment(1, 2), userSub: user('u2') }]);
    given(promptSession, [opened, joined(0), changed])
      .when(like(1, 2))
      .thenRefused('session_not_found');
  });

  test('keeps what was answered', () => {
    const calm = { type: 'WordAnswered', ...moment(1, 2), index: 0, previous: null } as const;
    given(promptSession, [opened, joined(0), calm, changed])
      .when({ ...answering(word(2), 2, 3), userSub: user('u2') })
      .thenEvents([{ type: 'WordAnswered', ...moment(2, 3), userSub: user('u2'), index: 2, previous: 0 }]);
  });

  test('changes hands once, and only if it is whose it is said to be', () => {
    given(promptSession, [opened, changed]).when(change).thenNothing();
    given(promptSession, [opened])
      .when({ ...change, from: user('u3') })
      .thenNothing();
    given(promptSession).when(change).thenNothing();
  });
});

describe('a session that is erased', () => {
  const erase = {
    type: 'EraseSession',
    userSub: user('u1'),
    eventUid: eventNo(3),
    releaseUid: releaseNo(3),
    at: at(9),
  } as const;
  const erased = { type: 'SessionErased', ...stay, at: at(9) } as const;

  test('ends with the prompt, as if nobody had left it, and is nobody’s', () => {
    const end = { ...left(15, 3, 'expired'), name: 'Anonymous', createdAt: at(9) };
    given(promptSession, [opened, joined(0)])
      .when(erase)
      .thenEvents([end, erased]);
    given(promptSession, [opened, joined(0), end, erased])
      .when(like(1))
      .thenRefused('session_not_found');
  });

  test('has nothing to end when it is over', () => {
    given(promptSession, [opened, joined(0), left(3)])
      .when(erase)
      .thenEvents([erased]);
    given(promptSession, [opened]).when(erase).thenEvents([erased]);
    given(promptSession, [opened, erased]).when(erase).thenNothing();
    given(promptSession, [opened, erased]).when(expire(20)).thenNothing();
    given(promptSession).when(erase).thenNothing();
  });

  test('is not one that passed to somebody else before', () => {
    given(promptSession, [opened, { type: 'SessionOwnerChanged', ...stay, newOwner: user('u2'), at: at(5) }])
      .when(erase)
      .thenNothing();
  });
});

describe('a session, whatever is asked of it', () => {
  const contents = fc.constantFrom(threeWords, twoColors, pressing, tenRatings);
  const times = fc.nat(30).map((half) => half / 2);
  const acts: fc.Arbitrary<PromptSessionWish> = fc.oneof(
    fc.tuple(fc.constantFrom(join, like, leave), times).map(([wish, promptTime]) => wish(promptTime)),
    fc
      .tuple(
        fc.oneof(fc.nat(11).map(rate), fc.nat(4).map(word), fc.nat(3).map(color), fc.constantFrom(start, end)),
        times,
      )
      .map(([wish, promptTime]) => answering(wish, promptTime)),
    fc.nat(30).map((seconds) => expire(seconds)),
  );
  const open = (content: PromptContent): PromptSessionWish => ({
    type: 'OpenSession',
    sessionUid: sessionNo(1),
    userSub: user('u1'),
    prompt: promptAsking(content),
    origin: direct,
    at: at(0),
  });

  const historyOf = (content: PromptContent, wishes: readonly PromptSessionWish[]): readonly PromptSessionEvent[] => {
    let state = promptSession.initial;
    return [open(content), ...wishes].flatMap((wish) => {
      const decision = promptSession.decide(
        'prompt' in wish ? { ...wish, prompt: promptAsking(content) } : wish,
        state,
      );
      if (isRefusal(decision)) return [];
      state = decision.reduce(promptSession.evolve, state);
      return decision;
    });
  };
  const inOrder = fc
    .array(acts, { maxLength: 60 })
    .map((wishes) => [join(0), ...wishes.toSorted((one, other) => timeOf(one) - timeOf(other))]);
  const timeOf = (wish: PromptSessionWish): number => ('promptTime' in wish ? wish.promptTime : 15);

  test('does nothing twice', () => {
    for (const content of [threeWords, twoColors, pressing, tenRatings]) {
      askingTwiceHappensOnce(promptSession, fc.oneof(fc.constant(open(content)), acts));
    }
  });

  test('presses and ends presses in turn, and has ended them when it is over', () => {
    fc.assert(
      fc.property(inOrder, (wishes) => {
        const types = historyOf(pressing, wishes).map(({ type }) => type);
        const presses = types.filter((type) => type === 'PressStarted' || type === 'PressEnded').join(' ');
        expect(presses).toMatch(/^(PressStarted PressEnded ?)*(PressStarted)?$/);
        if (types.includes('SessionLeft')) expect(presses).not.toMatch(/PressStarted$/);
      }),
    );
  });

  test('says of each answer which one it replaces', () => {
    fc.assert(
      fc.property(contents, inOrder, (content, wishes) => {
        let latest: number | null = null;
        for (const event of historyOf(content, wishes)) {
          if (!('previous' in event)) continue;
          expect(event.previous).toBe(latest);
          latest = event.type === 'NumberAnswered' ? event.rating : event.index;
        }
      }),
    );
  });
});
