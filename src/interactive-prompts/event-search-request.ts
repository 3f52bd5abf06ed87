import { z } from 'zod';
import type { PromptUid } from '../kernel/ids.js';
import { watchedEvents } from './watch-item.js';

/**
 * What a search may ask for: filters as `{ operator, value }`, sorts as `{ key, dir, before, after }`. A page ends with the sort
 * that gets the next one.
 */
const choiceMax = 100;

const textFilter = <Value extends z.ZodType<string>>(value: Value) =>
  z.discriminatedUnion('operator', [
    z.strictObject({ operator: z.enum(['eq', 'neq']), value }),
    z.strictObject({ operator: z.literal('in'), value: z.array(value).max(choiceMax) }),
  ]);

const NumberFilter = z.discriminatedUnion('operator', [
  z.strictObject({ operator: z.enum(['eq', 'neq', 'gt', 'gte', 'lt', 'lte']), value: z.number() }),
  z
    .strictObject({ operator: z.enum(['bt', 'bte']), value: z.tuple([z.number(), z.number()]) })
    .describe('`bt` includes both ends, `bte` leaves the end out'),
]);
export type NumberFilter = z.infer<typeof NumberFilter>;

const uidText = z.string().max(255);

const Filters = z.strictObject({
  interactive_prompt_uid: z
    .strictObject({ operator: z.string(), value: z.unknown() })
    .nullish()
    .describe('Only `eq` and the prompt of the token'),
  user_sub: textFilter(uidText).nullish(),
  session_uid: textFilter(uidText).nullish(),
  evtype: textFilter(z.enum(Object.values(watchedEvents))).nullish(),
  prompt_time: NumberFilter.nullish(),
  created_at: NumberFilter.nullish(),
  dropout_for_total: z
    .strictObject({ operator: z.literal('eq'), value: z.int().min(1) })
    .nullish()
    .describe('About how many events of one second to keep. Needs `prompt_time` as `bte` over `[n, n + 1]`, n whole'),
});

const Direction = z
  .enum(['asc', 'desc', 'asc_eq', 'desc_eq'])
  .default('asc')
  .describe('Which way. Earlier clients also say `_eq`, which is accepted and changes nothing here');
const place = <Value extends z.ZodType>(value: Value) => ({ before: value.nullish(), after: value.nullish() });

export const Sort = z.discriminatedUnion('key', [
  z.strictObject({ key: z.literal('uid'), dir: Direction, ...place(uidText) }),
  z.strictObject({ key: z.literal('prompt_time'), dir: Direction, ...place(z.number()) }),
  z.strictObject({ key: z.literal('random'), dir: Direction, before: z.null().optional(), after: z.null().optional() }),
]);
export type Sort = z.infer<typeof Sort>;

const isWholeSecond = (filter: NumberFilter | null | undefined): boolean =>
  filter?.operator === 'bte' && Number.isInteger(filter.value[0]) && filter.value[1] === filter.value[0] + 1;

/** A random order of a larger sample would cost more than the sample saves. */
const randomSampleMax = 100;

export const SearchRequest = z
  .object({
    filters: Filters.prefault({}),
    sort: z.array(Sort).max(2).default([]),
    limit: z.int().min(1).max(5_000).default(100),
  })
  .superRefine(({ filters, sort }, context) => {
    const wrong = wrongSort(sort) ?? wrongSample(filters, sort);
    if (wrong !== undefined) context.addIssue({ code: 'custom', path: [wrong.field], message: wrong.message });
  });
export type SearchRequest = z.output<typeof SearchRequest>;

interface Wrong {
  readonly field: 'sort' | 'filters';
  readonly message: string;
}

const sortable = ['', 'uid', 'prompt_time', 'random', 'prompt_time uid'];

function wrongSort(sort: readonly Sort[]): Wrong | undefined {
  if (!sortable.includes(sort.map(({ key }) => key).join(' ')))
    return { field: 'sort', message: 'must be uid, prompt_time, prompt_time and then uid, or random' };
  if (sort.length < 2 || !isHalfPlace(sort)) return undefined;
  return { field: 'sort', message: 'must say before and after for prompt_time wherever it does for uid' };
}

function wrongSample(filters: z.output<typeof Filters>, sort: readonly Sort[]): Wrong | undefined {
  const about = filters.dropout_for_total?.value;
  if (about === undefined) return undefined;
  if (!isWholeSecond(filters.prompt_time)) {
    const message = 'a sample needs prompt_time as bte over one second that starts at a whole number';
    return { field: 'filters', message };
  }
  if (sort.some(({ before, after }) => (before ?? after ?? null) !== null))
    return { field: 'sort', message: 'must not go on from a page: a sample has one' };
  if (about <= randomSampleMax || sort.every(({ key }) => key !== 'random')) return undefined;
  return { field: 'sort', message: `must not be random for more than ${String(randomSampleMax)}` };
}

function isHalfPlace([time, uid]: readonly Sort[]): boolean {
  const isThere = (value: unknown): boolean => (value ?? null) !== null;
  return (isThere(uid?.after) && !isThere(time?.after)) || (isThere(uid?.before) && !isThere(time?.before));
}

/** Whether the search stays with the prompt of its token. */
export function isOfPrompt(
  { filters: { interactive_prompt_uid: filter } }: SearchRequest,
  promptUid: PromptUid,
): boolean {
  return (filter ?? null) === null || (filter?.operator === 'eq' && filter.value === promptUid);
}
