import type { PromptShape } from '../../src/interactive-prompts/prompt-content.js';
import type { PromptSessionMoment } from '../../src/interactive-prompts/prompt-session.js';

/**
 * What a crowd is counted by, and what each thing that happens changes. The tables, the copy in memory and the look back all
 * fold with this, so they cannot disagree about it.
 *
 * The last three are about one answer each, which is their value; the value of the others is 0.
 */
export type Category =
  'users' | 'people' | 'likes' | 'press' | 'press_active' | 'numeric_active' | 'color_active' | 'word_active';

export interface CrowdChange {
  readonly category: Category;
  readonly value: number;
  readonly by: number;
}

/** All but the number of people, which depends on what else somebody does. A leaver's answer stays. */
export function changesBy(moment: PromptSessionMoment): readonly CrowdChange[] {
  switch (moment.type) {
    case 'SessionJoined':
      return [{ category: 'users', value: 0, by: 1 }];
    case 'SessionLeft':
      return [{ category: 'users', value: 0, by: -1 }];
    case 'PromptLiked':
      return [{ category: 'likes', value: 0, by: 1 }];
    case 'NumberAnswered':
      return answered('numeric_active', moment.rating, moment.previous);
    case 'ColorAnswered':
      return answered('color_active', moment.index, moment.previous);
    case 'WordAnswered':
      return answered('word_active', moment.index, moment.previous);
    case 'PressStarted':
      return [
        { category: 'press', value: 0, by: 1 },
        { category: 'press_active', value: 0, by: 1 },
      ];
    case 'PressEnded':
      return [{ category: 'press_active', value: 0, by: -1 }];
  }
}

/** Both at the bin of the new answer: before it, the old one still counts. */
function answered(category: Category, value: number, previous: number | null): readonly CrowdChange[] {
  if (value === previous) return [];
  const added = { category, value, by: 1 };
  return previous === null ? [added] : [added, { category, value: previous, by: -1 }];
}

/** By how much somebody's sessions change in number. */
export function sessionsBy(moment: PromptSessionMoment): 1 | -1 | 0 {
  if (moment.type === 'SessionJoined') return 1;
  return moment.type === 'SessionLeft' ? -1 : 0;
}

/** The crowd at one moment. What the prompt does not ask is null; what nobody answered is 0. */
export interface Crowd {
  /** Sessions, not people: somebody may be there twice. */
  readonly users: number;
  /** Everybody who is there, once. */
  readonly people: number;
  readonly likes: number;
  readonly numericActive: Readonly<Record<string, number>> | null;
  readonly press: number | null;
  readonly pressActive: number | null;
  readonly colorActive: readonly number[] | null;
  readonly wordActive: readonly number[] | null;
}

export type SumOf = (category: Category, value: number) => number;

export function crowdOf(shape: PromptShape, sumOf: SumOf): Crowd {
  const sum = (category: Category): number => sumOf(category, 0);
  const crowd: Crowd = { users: sum('users'), people: sum('people'), likes: sum('likes'), ...nothingAsked };
  switch (shape.style) {
    case 'numeric': {
      const active = ratingsOf(shape).map((rating) => [rating, sumOf('numeric_active', rating)] as const);
      return { ...crowd, numericActive: Object.fromEntries(active) };
    }
    case 'press':
      return { ...crowd, press: sum('press'), pressActive: sum('press_active') };
    case 'color':
      return { ...crowd, colorActive: choicesOf(shape).map((choice) => sumOf('color_active', choice)) };
    case 'word':
      return { ...crowd, wordActive: choicesOf(shape).map((choice) => sumOf('word_active', choice)) };
  }
}

function ratingsOf({ min, max }: { readonly min: number; readonly max: number }): readonly number[] {
  return Array.from({ length: max - min + 1 }, (_, step) => min + step);
}

function choicesOf({ choices }: { readonly choices: number }): readonly number[] {
  return Array.from({ length: choices }, (_, choice) => choice);
}

const nothingAsked = {
  numericActive: null,
  press: null,
  pressActive: null,
  colorActive: null,
  wordActive: null,
} as const;
