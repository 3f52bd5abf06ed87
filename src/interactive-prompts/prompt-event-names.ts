import type { PromptSessionMoment } from './prompt-session.js';

/** What clients call the moments of a stay, and what they are told of each beside when it was and who did it. */
export type PromptEventName = ReturnType<typeof promptEventNamed>['type'];

export function promptEventNamed(moment: PromptSessionMoment) {
  switch (moment.type) {
    case 'SessionJoined':
      return { type: 'join', data: { name: moment.name } } as const;
    case 'SessionLeft':
      return { type: 'leave', data: { name: moment.name } } as const;
    case 'PromptLiked':
      return { type: 'like', data: {} } as const;
    case 'NumberAnswered':
      return { type: 'numeric_prompt_response', data: { rating: moment.rating } } as const;
    case 'PressStarted':
      return { type: 'press_prompt_start_response', data: {} } as const;
    case 'PressEnded':
      return { type: 'press_prompt_end_response', data: {} } as const;
    case 'ColorAnswered':
      return { type: 'color_prompt_response', data: { index: moment.index } } as const;
    case 'WordAnswered':
      return { type: 'word_prompt_response', data: { index: moment.index } } as const;
  }
}
