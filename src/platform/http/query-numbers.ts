import { z } from 'zod';

/**
 * Numbers in a query, where everything is text. Only plain decimal digits are one: what JavaScript takes for a number besides
 * (nothing at all, blanks, 0x10, 1e3) is a mistake of whoever wrote it, and would be answered as if they had meant it.
 *
 * The number itself is described as in a body: `wholeNumber(z.int().min(1).max(100)).default(10)`.
 */
export function wholeNumber<Whole extends z.ZodType<number>>(number: Whole) {
  return z.preprocess((text) => (isPlain(text) ? Number(text) : text), number);
}

/** A position of the log. They may have more digits than a double. */
export const position = z.preprocess(
  (text) => (isPlain(text) ? BigInt(text) : text),
  z
    .bigint('must be a position: a whole number from 0')
    .min(0n)
    .max(2n ** 63n - 1n),
);

/** Longer texts are no number that anything here counts to. */
const plain = /^-?\d{1,19}$/;

function isPlain(text: unknown): text is string {
  return typeof text === 'string' && plain.test(text);
}
