import type { PromptUid } from '../kernel/ids.js';
import type { PromptWish } from '../interactive-prompts/prompt.js';
import type { JourneyEvent } from './journey.js';

/** What happens to prompts when something happens to their journey. */
export function promptWishesOf(happened: JourneyEvent): readonly PromptWishTo[] {
  switch (happened.type) {
    case 'JourneyCreated':
      return [creationOf(happened)];
    case 'JourneyPromptRevised': {
      const { promptUid, content, at } = happened;
      return [{ id: promptUid, payload: { type: 'ReviseText', content, at } }];
    }
    case 'JourneyPromptReplaced':
      return [
        creationOf(happened),
        { id: happened.formerPromptUid, payload: { type: 'DeletePrompt', at: happened.at } },
      ];
    case 'JourneySubcategoryChanged':
    case 'JourneyRetitled':
    case 'JourneyDeleted':
    case 'JourneyUndeleted':
      return [];
  }
}

interface PromptWishTo {
  readonly id: PromptUid;
  readonly payload: PromptWish;
}

type Begun = Extract<JourneyEvent, { readonly type: 'JourneyCreated' | 'JourneyPromptReplaced' }>;

function creationOf({ promptUid, content, durationSeconds, at }: Begun): PromptWishTo {
  return { id: promptUid, payload: { type: 'CreatePrompt', promptUid, content, durationSeconds, at } };
}
