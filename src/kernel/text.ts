import { z } from 'zod';

/** Text that can be kept: PostgreSQL's JSON holds neither NUL nor half a surrogate pair. */
export function isStorableText(text: string): boolean {
  return !text.includes('\0') && !/\p{Surrogate}/u.test(text);
}

/** A trimmed line. Its length counts characters as a reader would, not the halves that some are stored in. */
export function line({ charactersMax }: { readonly charactersMax: number }) {
  return z
    .string()
    .trim()
    .refine(isStorableText, 'holds characters that are no text')
    .refine(
      (text) => text.length > 0 && Array.from(text).length <= charactersMax,
      `must have 1 to ${String(charactersMax)} characters`,
    )
    .meta({ minLength: 1, maxLength: charactersMax });
}
