import { nobodysName } from './display-name.js';
import type { PromptSessionEvent, PromptSessionMoment } from './prompt-session.js';

/** What clients, watchers and other listeners are told of a moment in somebody's stay, in the names that they know. */
export const watchedEvents = {
  SessionJoined: 'join',
  SessionLeft: 'leave',
  PromptLiked: 'like',
  NumberAnswered: 'numeric_prompt_response',
  PressStarted: 'press_prompt_start_response',
  PressEnded: 'press_prompt_end_response',
  ColorAnswered: 'color_prompt_response',
  WordAnswered: 'word_prompt_response',
} as const satisfies Record<PromptSessionMoment['type'], string>;

export type WatchedType = (typeof watchedEvents)[PromptSessionMoment['type']];

export interface Watched {
  readonly evtype: WatchedType;
  readonly data: Readonly<Record<string, string | number>>;
}

/** The types of what a watcher has to know of: the moments, and whose they are now, if they are anybody's any more. */
export const watchedTypes: readonly string[] = [...Object.keys(watchedEvents), 'SessionOwnerChanged', 'SessionErased'];

/** The log has checked the data of every event that it hands out, so the type's name is enough. */
export function isMoment(happened: { readonly type: string }): happened is PromptSessionMoment {
  return Object.hasOwn(watchedEvents, happened.type);
}

type Erasure = Extract<PromptSessionEvent, { type: 'SessionErased' }>;

export function isErasure(happened: { readonly type: string }): happened is Erasure {
  return happened.type === 'SessionErased';
}

type OwnerChange = Extract<PromptSessionEvent, { type: 'SessionOwnerChanged' }>;

export function isOwnerChange(happened: { readonly type: string }): happened is OwnerChange {
  return happened.type === 'SessionOwnerChanged';
}

export function watched(moment: PromptSessionMoment, { erased = false } = {}): Watched {
  const evtype = watchedEvents[moment.type];
  switch (moment.type) {
    case 'SessionJoined':
    case 'SessionLeft':
      return { evtype, data: { name: erased ? nobodysName : moment.name } };
    case 'NumberAnswered':
      return { evtype, data: { rating: moment.rating } };
    case 'ColorAnswered':
    case 'WordAnswered':
      return { evtype, data: { index: moment.index } };
    case 'PromptLiked':
    case 'PressStarted':
    case 'PressEnded':
      return { evtype, data: {} };
  }
}
