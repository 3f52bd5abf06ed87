import type { EventOf } from '../../src/kernel/event-family.js';
import { PromptEventUid, PromptSessionUid, PromptUid, UserSub } from '../../src/kernel/ids.js';
import { UnixSeconds } from '../../src/kernel/instant.js';
import type { PromptContent } from '../../src/interactive-prompts/prompt-content.js';
import type { Prompt } from '../../src/interactive-prompts/prompt.js';
import type { promptSessionEvents, PromptSessionEvent } from '../../src/interactive-prompts/prompt-session.js';
import type { PromptSessionWish } from '../../src/interactive-prompts/prompt-session-wishes.js';
import type { RecordedEvent } from '../../src/platform/event-store/event-store.js';

/** Prompts, people and stays for examples: what is said about them is only what an example turns on. */
export const promptNo = (n: number): PromptUid => PromptUid.parse(`oseh_ip_${String(n).padStart(22, '0')}`);
export const sessionNo = (n: number): PromptSessionUid =>
  PromptSessionUid.parse(`oseh_ips_${String(n).padStart(22, '0')}`);
export const eventNo = (n: number): PromptEventUid => PromptEventUid.parse(`oseh_ipe_${String(n).padStart(22, '0')}`);
/** The id of the end of a press that the n-th event brings with it. */
export const releaseNo = (n: number): PromptEventUid =>
  PromptEventUid.parse(`oseh_ipe_r${String(n).padStart(21, '0')}`);
export const direct = { kind: 'direct' } as const;
export const user = (name: string): UserSub => UserSub.parse(name);
export const at = (seconds: number): UnixSeconds => UnixSeconds.parse(1_700_000_000 + seconds);

export const threeWords: PromptContent = {
  style: 'word',
  text: 'How do you feel?',
  options: ['calm', 'fine', 'tense'],
};

export const twoColors: PromptContent = { style: 'color', text: 'Pick one', colors: ['#FFFFFF', '#000000'] };
export const pressing: PromptContent = { style: 'press', text: 'Hold' };
export const tenRatings: PromptContent = { style: 'numeric', text: 'Rate', min: 1, max: 10, step: 1 };

export function promptAsking(content: PromptContent, durationSeconds = 15, n = 1) {
  return { phase: 'usable', promptUid: promptNo(n), content, durationSeconds } as const;
}

export function wordPrompt(durationSeconds = 15, n = 1): Exclude<Prompt, { phase: 'missing' }> {
  return promptAsking(threeWords, durationSeconds, n);
}

type Event<Type> = Extract<EventOf<typeof promptSessionEvents>, { type: Type }>;

/** What the first person does in their session of the first prompt, as it is stored. */
export const stay = { promptUid: promptNo(1), sessionUid: sessionNo(1), userSub: user('u1') };

export const moment = (promptTime: number, n: number) => ({
  ...stay,
  eventUid: eventNo(n),
  promptTime,
  durationSeconds: 15,
  createdAt: at(promptTime),
});

export const opened: Event<'SessionOpened'> = {
  type: 'SessionOpened',
  ...stay,
  content: threeWords,
  durationSeconds: 15,
  createdAt: at(0),
  origin: direct,
};

export const joined = (promptTime: number, n = 1): Event<'SessionJoined'> => ({
  type: 'SessionJoined',
  ...moment(promptTime, n),
  name: 'Ada',
  origin: direct,
});

export const liked = (promptTime: number, n = 1): Event<'PromptLiked'> => ({
  type: 'PromptLiked',
  ...moment(promptTime, n),
});

export const left = (promptTime: number, n = 1, reason: 'left' | 'expired' = 'left'): Event<'SessionLeft'> => ({
  type: 'SessionLeft',
  ...moment(promptTime, n),
  name: 'Ada',
  reason,
});

/** As a reader of the log gets it. */
export function recorded(event: PromptSessionEvent, position: number): RecordedEvent {
  return {
    position: BigInt(position),
    stream: `promptSession-${event.sessionUid}`,
    version: 1,
    id: `019a0000-0000-7000-8000-${String(position).padStart(12, '0')}`,
    schemaVersion: 1,
    event,
    metadata: { correlationId: 'test' },
    recordedAt: new Date(0),
  };
}

/** The same as wishes. */
type Wish<Type> = Extract<PromptSessionWish, { type: Type }>;

export const participation = (promptTime: number, n: number) => ({
  promptUid: promptNo(1),
  prompt: wordPrompt(),
  userSub: user('u1'),
  eventUid: eventNo(n),
  promptTime,
  at: at(promptTime),
});

export const join = (promptTime: number, n = 1): Wish<'JoinSession'> => ({
  type: 'JoinSession',
  ...participation(promptTime, n),
  name: 'Ada',
});

export const like = (promptTime: number, n = 1): Wish<'LikePrompt'> => ({
  type: 'LikePrompt',
  ...participation(promptTime, n),
});

export const leave = (promptTime: number, n = 1): Wish<'LeaveSession'> => ({
  type: 'LeaveSession',
  ...participation(promptTime, n),
  releaseUid: releaseNo(n),
  name: 'Ada',
});

export const expire = (seconds: number, n = 1): Wish<'ExpireSession'> => ({
  type: 'ExpireSession',
  eventUid: eventNo(n),
  releaseUid: releaseNo(n),
  name: 'Ada',
  at: at(seconds),
});
