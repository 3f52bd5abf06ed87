import { z } from 'zod';
import { PromptUid } from '../kernel/ids.js';

/**
 * What a search may ask for: filters as `{ operator, value }`, sorts as `{ key, dir, before, after }`. A page ends with the sort
 * that gets the next one.
 */
export const eventTypes = [
  'join',
  'leave',
  'like',
  'numeric_prompt_response',
  'press_prompt_start_response',
  'press_prompt_end_response',
  'color_prompt_response',
  'word_prompt_response',
] as const;

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
  evtype: textFilter(z.enum(eventTypes)).nullish(),
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
  .describe('With `_eq`, what equals `before` or `after` is included');
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
    const refuse = (path: string[], message: string): void => {
      context.addIssue({ code: 'custom', path, message });
    };
    const isPaged = sort.some(({ before, after }) => (before ?? after ?? null) !== null);
    const isRandom = sort.some(({ key }) => key === 'random');
    const keys = sort.map(({ key }) => key).join(' ');
    if (!['', 'uid', 'prompt_time', 'random', 'prompt_time uid'].includes(keys))
      refuse(['sort'], 'must be uid, prompt_time, prompt_time and then uid, or random');
    if (isPaged && sort.at(-1)?.key === 'uid' && sort.length === 2 && isHalfPlace(sort))
      refuse(['sort'], 'must say before and after for prompt_time wherever it does for uid');
    const dropout = filters.dropout_for_total?.value;
    if (dropout === undefined) return;
    if (!isWholeSecond(filters.prompt_time))
      refuse(['filters', 'prompt_time'], 'must be bte over one second that starts at a whole number');
    if (isPaged) refuse(['sort'], 'must not go on from a page: a sample has one');
    if (isRandom && dropout > randomSampleMax)
      refuse(['sort'], `must not be random for more than ${String(randomSampleMax)}`);
  });
export type SearchRequest = z.output<typeof SearchRequest>;

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
