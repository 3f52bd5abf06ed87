import { describe, expect, test } from '@jest/globals';
import { expiry, graceSeconds } from '../../src/interactive-prompts/expiry.process.js';
import { PromptSessionCommand } from '../../src/interactive-prompts/interactive-prompts.bus.js';
import { promptSession, type PromptSessionEvent } from '../../src/interactive-prompts/prompt-session.js';
import type { PromptSessionWish } from '../../src/interactive-prompts/prompt-session-wishes.js';
import type { Reaction } from '../../src/platform/reacting/process.js';
import { given } from '../support/given.js';
import { at, joined, left, liked, opened, recorded, sessionNo } from './stays.js';

describe('the expiry of sessions', () => {
  test('is due when the prompt is over and a little later', async () => {
    const { deadlines } = await after(joined(2.5));
    const dueAt = new Date((at(2.5) + (15 - 2.5) + graceSeconds) * 1_000);
    expect(deadlines).toMatchObject([{ key: sessionNo(1), dueAt, to: PromptSessionCommand, id: sessionNo(1) }]);
  });

  test('asks for the same thing each time that it hears of the same event', async () => {
    const [once, again] = [await after(joined(2.5)), await after(joined(2.5))];
    expect(again.deadlines).toEqual(once.deadlines);
  });

  test('ends a session that was not left, and none that was', async () => {
    const { deadlines } = await after(joined(2.5));
    const [deadline] = deadlines;
    if (deadline === undefined) throw new Error('No deadline was set.');
    const { wish } = deadline;
    given(promptSession, [opened, joined(2.5), left(9, 2)])
      .when(wish)
      .thenNothing();
    const { eventUid, at: createdAt } = wish;
    given(promptSession, [opened, joined(2.5), liked(9, 2)])
      .when(wish)
      .thenEvents([{ ...left(15, 3, 'expired'), eventUid, createdAt }]);
  });

  test('is called off by leaving', async () => {
    const { cancelled } = await after(left(9));
    expect(cancelled).toEqual([sessionNo(1)]);
  });
});

interface Deadline {
  readonly key: string;
  readonly dueAt: Date;
  readonly to: unknown;
  readonly id: string;
  readonly wish: Extract<PromptSessionWish, { type: 'ExpireSession' }>;
}

async function after(event: PromptSessionEvent) {
  const deadlines: Deadline[] = [];
  const cancelled: string[] = [];
  const reaction: Reaction = {
    send: () => Promise.reject(new Error('Nothing is to be sent at once.')),
    sendAt: ({ key, dueAt }, to, id, payload) => {
      if (!isExpiry(payload)) throw new Error(`${payload.type} is no expiry.`);
      deadlines.push({ key, dueAt, to, id, wish: payload });
      return Promise.resolve();
    },
    cancel: (key) => {
      cancelled.push(key);
      return Promise.resolve();
    },
  };
  if (event.type === 'SessionJoined') await expiry.on.SessionJoined?.(event, reaction, recorded(event, 1));
  if (event.type === 'SessionLeft') await expiry.on.SessionLeft?.(event, reaction, recorded(event, 1));
  return { deadlines, cancelled };
}

function isExpiry(payload: { readonly type: string }): payload is Deadline['wish'] {
  return payload.type === 'ExpireSession';
}
