import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isRefusal } from '../../src/kernel/decision-model.js';
import { promptSession, type PromptSessionEvent } from '../../src/interactive-prompts/prompt-session.js';
import type { PromptSessionWish } from '../../src/interactive-prompts/prompt-session-wishes.js';
import { askingTwiceHappensOnce } from '../support/given.js';
import { at, direct, expire, join, leave, like, sessionNo, user, wordPrompt } from './stays.js';

const open: PromptSessionWish = {
  type: 'OpenSession',
  sessionUid: sessionNo(1),
  userSub: user('u1'),
  prompt: wordPrompt(),
  origin: direct,
  at: at(0),
};

/** Few distinct times, so that commands meet at one instant and beyond both ends. */
const times = fc.integer({ min: -1, max: 31 }).map((half) => half / 2);
const wishes: fc.Arbitrary<PromptSessionWish> = fc.oneof(
  fc.constant(open),
  fc
    .tuple(fc.constantFrom(join, like, leave), times, fc.constantFrom('u1', 'u1', 'u1', 'u2'))
    .map(([wish, promptTime, name]) => ({ ...wish(promptTime), userSub: user(name) })),
  fc.nat(30).map((seconds) => expire(seconds)),
);

function historyOf(commands: readonly PromptSessionWish[]): readonly PromptSessionEvent[] {
  let state = promptSession.initial;
  return commands.flatMap((command) => {
    const decision = promptSession.decide(command, state);
    if (isRefusal(decision)) return [];
    state = decision.reduce(promptSession.evolve, state);
    return decision;
  });
}

describe('a session, whatever is asked of it', () => {
  test('does nothing twice', () => {
    askingTwiceHappensOnce(promptSession, wishes);
  });

  test('opens once, is joined at most once and left at most once, in this order', () => {
    fc.assert(
      fc.property(fc.array(wishes, { maxLength: 60 }), (commands) => {
        const types = historyOf([open, ...commands]).map(({ type }) => type);
        expect(types.join(' ')).toMatch(/^SessionOpened( SessionJoined( PromptLiked)*( SessionLeft)?)?$/);
      }),
    );
  });

  test('never goes back in time, nor beyond the end of the prompt', () => {
    fc.assert(
      fc.property(fc.array(wishes, { maxLength: 60 }), (commands) => {
        const times = historyOf([open, ...commands]).flatMap((event) =>
          'promptTime' in event ? [event.promptTime] : [],
        );
        expect(times).toEqual([...times].sort((one, other) => one - other));
        expect(times.every((time) => time >= 0 && time <= 15)).toBe(true);
      }),
    );
  });

  test('holds one thing of a kind at one instant', () => {
    fc.assert(
      fc.property(fc.array(wishes, { maxLength: 60 }), (commands) => {
        const moments = historyOf([open, ...commands]).flatMap((event) =>
          'promptTime' in event ? [`${event.type} at ${String(event.promptTime)}`] : [],
        );
        expect(new Set(moments).size).toBe(moments.length);
      }),
    );
  });
});
