import { describe, expect, test } from '@jest/globals';
import { promptSession, type PromptSessionRefusal } from '../../src/interactive-prompts/prompt-session.js';
import { given } from '../support/given.js';
import {
  at,
  direct,
  expire,
  join,
  joined,
  leave,
  left,
  like,
  liked,
  opened,
  promptNo,
  sessionNo,
  stay,
  threeWords,
  user,
  wordPrompt,
} from './stays.js';

const missing = { phase: 'missing' } as const;

describe('opening a session', () => {
  const open = {
    type: 'OpenSession',
    sessionUid: sessionNo(1),
    userSub: user('u1'),
    origin: direct,
    at: at(0),
  } as const;

  test('keeps what it needs to know of the prompt', () => {
    given(promptSession)
      .when({ ...open, prompt: wordPrompt() })
      .thenEvents([
        { type: 'SessionOpened', ...stay, content: threeWords, durationSeconds: 15, createdAt: at(0), origin: direct },
      ]);
  });

  test('needs a prompt that exists and is not deleted', () => {
    given(promptSession)
      .when({ ...open, prompt: missing })
      .thenRefused('not_found');
    given(promptSession)
      .when({ ...open, prompt: { ...wordPrompt(), phase: 'deleted' } })
      .thenRefused('not_found');
  });

  test('happens once', () => {
    given(promptSession, [opened])
      .when({ ...open, prompt: wordPrompt() })
      .thenRefused('already_exists');
  });
});

describe('taking part', () => {
  test('is joining, liking and leaving, in this order', () => {
    given(promptSession, [opened])
      .when(join(0.5))
      .thenEvents([joined(0.5)]);
    given(promptSession, [opened, joined(0.5)])
      .when(like(1, 2))
      .thenEvents([liked(1, 2)]);
    given(promptSession, [opened, joined(0.5), liked(1, 2)])
      .when(leave(9, 3))
      .thenEvents([left(9, 3)]);
  });

  test('[6] may begin at the very end', () => {
    given(promptSession, [opened])
      .when(join(15))
      .thenEvents([joined(15)]);
  });

  test('[41] may be two different things at one instant', () => {
    given(promptSession, [opened, joined(2.9)])
      .when(like(2.9, 2))
      .thenEvents([liked(2.9, 2)]);
    given(promptSession, [opened, joined(2.9), liked(2.9, 2)])
      .when(leave(2.9, 3))
      .thenEvents([left(2.9, 3)]);
  });

  test('[53] goes on after the prompt was deleted', () => {
    given(promptSession, [opened])
      .when({ ...join(0), prompt: { ...wordPrompt(), phase: 'deleted' } })
      .thenEvents([joined(0)]);
  });

  test('[38] begins once', () => {
    given(promptSession, [opened, joined(0)])
      .when(join(0))
      .thenRefused('session_already_started');
    given(promptSession, [opened, joined(0)])
      .when(join(1))
      .thenRefused('session_already_started');
  });

  test('[39] is not the same thing twice at one instant', () => {
    given(promptSession, [opened, joined(0), liked(2)])
      .when(like(2, 2))
      .thenRefused('session_has_same_event_at_same_time');
    given(promptSession, [opened, joined(2), liked(2)])
      .when(like(2, 2))
      .thenRefused('session_has_same_event_at_same_time');
  });

  test('is the same thing again later', () => {
    given(promptSession, [opened, joined(0), liked(2)])
      .when(like(2.5, 2))
      .thenEvents([liked(2.5, 2)]);
    given(promptSession, [opened, joined(0), liked(2), liked(2.5, 2)])
      .when(like(3, 3))
      .thenEvents([liked(3, 3)]);
  });

  test('[40] never goes back in time', () => {
    given(promptSession, [opened, joined(0), liked(2.9)])
      .when(like(2.5))
      .thenRefused('session_has_later_event');
    given(promptSession, [opened, joined(3)])
      .when(leave(2.99))
      .thenRefused('session_has_later_event');
  });

  test('[43] ends for good', () => {
    given(promptSession, [opened, joined(0), left(3)])
      .when(join(5))
      .thenRefused('session_already_started');
    given(promptSession, [opened, joined(0), left(3)])
      .when(leave(4))
      .thenRefused('session_already_ended');
    given(promptSession, [opened, joined(0), left(3)])
      .when(like(3))
      .thenRefused('session_already_ended');
  });

  test('starts with joining', () => {
    given(promptSession, [opened]).when(like(1)).thenRefused('session_not_started');
    given(promptSession, [opened]).when(leave(1)).thenRefused('session_not_started');
  });

  test('[48] happens in one’s own session of the prompt that was named', () => {
    given(promptSession).when(join(0)).thenRefused('session_not_found');
    given(promptSession, [opened])
      .when({ ...join(0), userSub: user('u2') })
      .thenRefused('session_not_found');
    given(promptSession, [opened])
      .when({ ...join(0), promptUid: promptNo(2), prompt: wordPrompt(15, 2) })
      .thenRefused('session_not_found');
    given(promptSession, [opened, joined(0)])
      .when({ ...like(1), userSub: user('u2') })
      .thenRefused('session_not_found');
  });

  test.each([-0.001, 15.001, Number.NaN, Number.POSITIVE_INFINITY])('is refused at %d s', (promptTime) => {
    given(promptSession, [opened])
      .when({ ...join(0), promptTime })
      .thenRefused('impossible_prompt_time');
    given(promptSession, [opened, joined(0)])
      .when({ ...leave(0), promptTime })
      .thenRefused('impossible_prompt_time');
  });
});

describe('several mistakes at once', () => {
  const foreign = { userSub: user('u2') };
  const cases: readonly [string, PromptSessionRefusal, Parameters<typeof promptSession.decide>][] = [
    [
      'an impossible time is named before a missing prompt',
      'impossible_prompt_time',
      [{ ...like(-1), prompt: missing }, { phase: 'unopened' }],
    ],
    [
      'but joining names the missing prompt first',
      'not_found',
      [{ ...join(-1), prompt: missing }, { phase: 'unopened' }],
    ],
    [
      'a missing prompt before a missing session',
      'not_found',
      [{ ...like(1), prompt: missing }, { phase: 'unopened' }],
    ],
    ['a time beyond the end before a missing session', 'impossible_prompt_time', [like(16), { phase: 'unopened' }]],
    [
      'a time beyond the end before somebody else’s session',
      'impossible_prompt_time',
      [
        { ...like(16), ...foreign },
        { phase: 'opened', ...stay, durationSeconds: 15, shape: { style: 'word', choices: 3 }, origin: direct },
      ],
    ],
    [
      'somebody else’s session before one that is not started',
      'session_not_found',
      [
        { ...like(1), ...foreign },
        { phase: 'opened', ...stay, durationSeconds: 15, shape: { style: 'word', choices: 3 }, origin: direct },
      ],
    ],
    [
      'somebody else’s session before one that ended',
      'session_not_found',
      [
        { ...like(1), ...foreign },
        { phase: 'left', ...stay, durationSeconds: 15 },
      ],
    ],
    [
      'joining again before having left',
      'session_already_started',
      [join(1), { phase: 'left', ...stay, durationSeconds: 15 }],
    ],
  ];

  test.each(cases)('%s', (_, reason, [command, state]) => {
    expect(promptSession.decide(command, state)).toEqual({ refused: reason });
  });
});

describe('a session that is never left', () => {
  test('ends at the end of the prompt', () => {
    given(promptSession, [opened, joined(0), liked(2, 2)])
      .when(expire(20, 3))
      .thenEvents([{ ...left(15, 3, 'expired'), createdAt: at(20) }]);
  });

  test('is not ended twice', () => {
    given(promptSession, [opened, joined(0), left(3)])
      .when(expire(20))
      .thenNothing();
    given(promptSession, [opened, joined(0), left(15, 2, 'expired')])
      .when(expire(20))
      .thenNothing();
  });

  test('has nothing to end before it was joined', () => {
    given(promptSession).when(expire(20)).thenNothing();
    given(promptSession, [opened]).when(expire(20)).thenNothing();
  });

  test('is over for the client that comes back', () => {
    given(promptSession, [opened, joined(0), left(15, 2, 'expired')])
      .when(like(9, 3))
      .thenRefused('session_already_ended');
  });
});
