import { z } from 'zod';

/** A moment as the clients of this product write it: seconds since 1970, with a fraction. */
export const UnixSeconds = z.number().nonnegative().brand<'UnixSeconds'>();
export type UnixSeconds = z.infer<typeof UnixSeconds>;

export function unixSeconds(date: Date): UnixSeconds {
  return UnixSeconds.parse(date.getTime() / 1_000);
}

export function dateOf(instant: UnixSeconds): Date {
  return new Date(instant * 1_000);
}
