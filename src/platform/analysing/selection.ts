import type { EventStore, LogFilter } from '../event-store/event-store.js';
import { positionBefore } from '../event-store/position-before.js';

/** Which events somebody wants: by what they are, by when they were recorded, by where they are in the log. */
export interface Selection {
  readonly stream?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly categories?: readonly string[] | undefined;
  /** Recorded at this time or later. */
  readonly from?: Date | undefined;
  /** Recorded before this time. */
  readonly to?: Date | undefined;
  readonly after?: bigint | undefined;
  readonly upTo?: bigint | undefined;
  readonly limit?: number | undefined;
}

/** The same as a stretch of the log with two ends, which is how it is read. */
export interface Stretch {
  readonly stream?: string;
  readonly filter?: LogFilter;
  readonly after: bigint;
  readonly upTo: bigint;
  readonly limit: number;
  /** What it is that ends at `upTo`. */
  readonly end: Exclude<Reached, 'limit'>;
}

/** Why there is no more: the log ended, what was asked for ended, or there were as many as were asked for. */
export type Reached = 'head' | 'up_to' | 'to' | 'limit';

export async function stretchOf(store: EventStore, selection: Selection): Promise<Stretch> {
  const head = await store.head();
  const { stream, from, to, limit = Infinity } = selection;
  const since = from === undefined ? 0n : await positionBefore(store, from, head);
  const until = to === undefined ? head : await positionBefore(store, to, head);
  const ends = [
    { upTo: head, end: 'head' },
    // A time that is still to come ends nothing yet.
    ...(until < head ? [{ upTo: until, end: 'to' } as const] : []),
    ...(selection.upTo === undefined ? [] : [{ upTo: selection.upTo, end: 'up_to' } as const]),
  ] as const;
  const first = ends.reduce((nearest, each) => (each.upTo < nearest.upTo ? each : nearest));
  // Whoever names the very end of the log got all they asked for.
  const named = ends.find(({ upTo, end }) => end === 'up_to' && upTo === first.upTo) ?? first;
  return {
    ...(stream !== undefined && { stream }),
    ...filterOf(selection),
    after: larger(selection.after ?? 0n, since),
    limit,
    ...named,
  };
}

/** To be spread: without a filter the log is read a faster way than with one that lets all pass. */
export function filterOf({ types, categories }: Selection): { readonly filter?: LogFilter } {
  if (types === undefined && categories === undefined) return {};
  return { filter: { ...(types && { types }), ...(categories && { categories }) } };
}

function larger(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
