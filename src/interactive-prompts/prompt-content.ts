import { z } from 'zod';
import { line } from '../kernel/text.js';

/**
 * What a prompt asks, in one of four styles.
 *
 * The same schemas read what an administrator sends and check what is stored. They trim and normalise, and doing so twice
 * changes nothing.
 */

const text = line({ charactersMax: 75 });
const choicesMin = 2;
const choicesMax = 8;
/** Between the smallest and the largest rating. A scale from 0 to 10 has eleven values and is in use. */
const ratingDifferenceMax = 10;

const Numeric = z
  .strictObject({ style: z.literal('numeric'), text, min: z.int32(), max: z.int32(), step: z.literal(1).default(1) })
  .refine(({ min, max }) => max >= min, { path: ['max'], error: 'must not be below min' })
  .refine(({ min, max }) => max - min <= ratingDifferenceMax, {
    path: ['max'],
    error: `must be at most ${String(ratingDifferenceMax)} above min`,
  });

const Press = z.strictObject({ style: z.literal('press'), text });

const Color = z.strictObject({
  style: z.literal('color'),
  text,
  colors: z
    .array(
      z
        .string()
        .regex(/^#[0-9a-fA-F]{6}$/, 'must be # and six hexadecimal digits')
        .toUpperCase(),
    )
    .min(choicesMin)
    .max(choicesMax),
});

const Word = z.strictObject({
  style: z.literal('word'),
  text,
  options: z
    .array(line({ charactersMax: 45 }))
    .min(choicesMin)
    .max(choicesMax),
});

export const PromptContent = z.discriminatedUnion('style', [Numeric, Press, Color, Word]);
export type PromptContent = z.infer<typeof PromptContent>;

/** How long the interactive part may last. It bounds the sums that are kept for each prompt. */
export const DurationSeconds = z.int().min(1).max(86_400);

/** What an answer must fit. Two prompts of one shape can share their answers; only the words differ. */
export type PromptShape =
  | { readonly style: 'numeric'; readonly min: number; readonly max: number }
  | { readonly style: 'press' }
  | { readonly style: 'color' | 'word'; readonly choices: number };

export function shapeOf(content: PromptContent): PromptShape {
  switch (content.style) {
    case 'numeric':
      return { style: 'numeric', min: content.min, max: content.max };
    case 'press':
      return { style: 'press' };
    case 'color':
      return { style: 'color', choices: content.colors.length };
    case 'word':
      return { style: 'word', choices: content.options.length };
  }
}

/** Whether answers to one are answers to the other: only the words may differ. */
export function asksTheSame(one: PromptContent, other: PromptContent): boolean {
  return JSON.stringify(shapeOf(one)) === JSON.stringify(shapeOf(other));
}

export function areSameWords(one: PromptContent, other: PromptContent): boolean {
  return JSON.stringify(PromptContent.parse(one)) === JSON.stringify(PromptContent.parse(other));
}
