import { type Decision, refuse } from '../kernel/decision-model.js';
import type { PromptShape } from './prompt-content.js';
import type { AnswerEvent, Moment } from './prompt-session-moments.js';

/**
 * Which answers a prompt takes. First the style must be the prompt's, then what was answered must fit it: clients tell the two
 * mistakes apart.
 *
 * Somebody presses while their last press event is a start, in the order in which things happened and not by prompt time: two
 * events at one instant have an order too.
 */

export type AnswerWish =
  | { readonly type: 'AnswerNumber'; readonly rating: number }
  | { readonly type: 'AnswerColor'; readonly index: number }
  | { readonly type: 'AnswerWord'; readonly index: number }
  | { readonly type: 'StartPress' }
  | { readonly type: 'EndPress' };

export type AnswerRefusal = 'impossible_event' | 'impossible_event_data';

/** What a session has answered so far. */
export interface Answering {
  readonly shape: PromptShape;
  readonly latest: number | null;
  readonly isPressing: boolean;
}

export const unanswered = (shape: PromptShape): Answering => ({ shape, latest: null, isPressing: false });

export const answerLeadsTo = {
  AnswerNumber: 'NumberAnswered',
  AnswerColor: 'ColorAnswered',
  AnswerWord: 'WordAnswered',
  StartPress: 'PressStarted',
  EndPress: 'PressEnded',
} as const satisfies Readonly<Record<AnswerWish['type'], AnswerEvent['type']>>;

type Answered = Decision<AnswerEvent, AnswerRefusal>;
type Wish<Type extends AnswerWish['type']> = Extract<AnswerWish, { readonly type: Type }>;

export function answer(wish: AnswerWish, so: Answering, moment: Moment): Answered {
  switch (wish.type) {
    case 'AnswerNumber':
      return rate(wish, so, moment);
    case 'AnswerColor':
    case 'AnswerWord':
      return choose(wish, so, moment);
    case 'StartPress':
    case 'EndPress':
      return press(wish, so, moment);
  }
}

function rate({ rating }: Wish<'AnswerNumber'>, { shape, latest: previous }: Answering, moment: Moment): Answered {
  if (shape.style !== 'numeric') return refuse('impossible_event');
  const isOnScale = rating >= shape.min && rating <= shape.max;
  return isOnScale ? [{ type: 'NumberAnswered', ...moment, rating, previous }] : refuse('impossible_event_data');
}

function choose(
  { type, index }: Wish<'AnswerColor' | 'AnswerWord'>,
  { shape, latest: previous }: Answering,
  moment: Moment,
): Answered {
  if (shape.style !== (type === 'AnswerColor' ? 'color' : 'word')) return refuse('impossible_event');
  const isThere = index >= 0 && index < shape.choices;
  return isThere ? [{ type: answerLeadsTo[type], ...moment, index, previous }] : refuse('impossible_event_data');
}

function press({ type }: Wish<'StartPress' | 'EndPress'>, { shape, isPressing }: Answering, moment: Moment): Answered {
  if (shape.style !== 'press') return refuse('impossible_event');
  const isPossible = isPressing === (type === 'EndPress');
  return isPossible ? [{ type: answerLeadsTo[type], ...moment }] : refuse('impossible_event_data');
}

export function afterAnswer(so: Answering, happened: AnswerEvent): Answering {
  switch (happened.type) {
    case 'NumberAnswered':
      return { ...so, latest: happened.rating };
    case 'ColorAnswered':
    case 'WordAnswered':
      return { ...so, latest: happened.index };
    case 'PressStarted':
      return { ...so, isPressing: true };
    case 'PressEnded':
      return { ...so, isPressing: false };
  }
}
