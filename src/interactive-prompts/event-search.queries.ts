import { Injectable } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { z } from 'zod';
import {
  type Choice,
  type FoundEvent,
  type Order,
  type Place,
  type Search,
  SearchEvents,
  type Span,
} from '../../projections/interactive-prompts/event-search.js';
import { ImageUid, PromptEventUid, PromptSessionUid, PromptUid } from '../kernel/ids.js';
import { type NumberFilter, type SearchRequest, Sort } from './event-search-request.js';
import { Icons } from './icons.queries.js';

export const Found = z.object({
  items: z
    .array(
      z.object({
        user_sub: z.string().nullable().describe('Null for somebody who was forgotten'),
        session_uid: PromptSessionUid,
        interactive_prompt_uid: PromptUid,
        uid: PromptEventUid,
        evtype: z.string(),
        icon: z.object({ uid: ImageUid, jwt: z.string() }).nullable(),
        data: z.unknown(),
        prompt_time: z.number(),
        created_at: z.number(),
      }),
    )
    .readonly(),
  next_page_sort: z
    .array(Sort)
    .readonly()
    .nullable()
    .describe('Send it as `sort` to get what follows; null at the end'),
});

/** Finds what happened in a prompt, whichever generation of clients asks. */
@Injectable()
export class EventSearch {
  constructor(
    private readonly queries: QueryBus,
    private readonly icons: Icons,
  ) {}

  /** In several prompts at once only in an order that they share: not at random, and no sample. */
  async find(request: SearchRequest, promptUids: readonly PromptUid[]): Promise<z.input<typeof Found>> {
    const search = searchOf(request);
    const found = await this.allFound(search, promptUids);
    const page = found.slice(0, search.limit);
    const subs = new Set(page.flatMap(({ event: { user_sub: sub } }) => (sub === null ? [] : [sub])));
    const icons = await this.icons.ofAll([...subs]);
    const items = page.map(({ event, promptUid }) => ({
      user_sub: event.user_sub,
      session_uid: PromptSessionUid.parse(event.session_uid),
      interactive_prompt_uid: promptUid,
      uid: PromptEventUid.parse(event.uid),
      evtype: event.evtype,
      icon: icons.get(event.user_sub ?? '') ?? null,
      data: event.data,
      prompt_time: event.prompt_time,
      created_at: event.created_at,
    }));
    return { items, next_page_sort: found.length > page.length ? after(page.at(-1)?.event, search) : null };
  }

  /** Up to one more than asked for, to tell whether there are more. */
  private async allFound(search: SearchIn, promptUids: readonly PromptUid[]): Promise<readonly FoundIn[]> {
    const limit = search.limit + 1;
    const perPrompt = promptUids.map(async (promptUid) => {
      const events = await this.queries.execute(new SearchEvents({ ...search, promptUid, limit }));
      return events.map((event) => ({ event, promptUid }));
    });
    const found = (await Promise.all(perPrompt)).flat();
    if (promptUids.length < 2) return found;
    return found.toSorted(({ event: one }, { event: other }) => inOrder(search.order, one, other)).slice(0, limit);
  }
}

type SearchIn = Omit<Search, 'promptUid'>;

interface FoundIn {
  readonly event: FoundEvent;
  readonly promptUid: PromptUid;
}

function inOrder(order: Order, one: FoundEvent, other: FoundEvent): number {
  if (order.by === 'random') return 0;
  const byUid = (one.uid < other.uid ? -1 : 1) * signOf(order.by === 'uid' ? order.dir : order.uidDir);
  if (order.by === 'uid') return byUid;
  return (one.prompt_time - other.prompt_time) * signOf(order.dir) || byUid;
}

function signOf(dir: 'asc' | 'desc'): number {
  return dir === 'asc' ? 1 : -1;
}

function searchOf({ filters, sort, limit }: SearchRequest): SearchIn {
  return {
    evtype: choiceOf(filters.evtype),
    sessionUid: choiceOf(filters.session_uid),
    userSub: choiceOf(filters.user_sub),
    promptTime: spanOf(filters.prompt_time),
    createdAt: spanOf(filters.created_at),
    order: orderOf(sort),
    about: filters.dropout_for_total?.value,
    limit,
  };
}

type TextFilter = SearchRequest['filters']['evtype'] | SearchRequest['filters']['user_sub'];

function choiceOf(filter: TextFilter): Choice {
  if (filter === null || filter === undefined) return {};
  switch (filter.operator) {
    case 'eq':
      return { in: [filter.value] };
    case 'neq':
      return { notIn: [filter.value] };
    case 'in':
      return { in: filter.value };
  }
}

const anywhere: Span = { from: -Infinity, fromOpen: false, to: Infinity, toOpen: false };

function spanOf(filter: NumberFilter | null | undefined): Span {
  if (filter === null || filter === undefined) return anywhere;
  switch (filter.operator) {
    case 'eq':
      return { ...anywhere, from: filter.value, to: filter.value };
    case 'neq':
      return { ...anywhere, not: filter.value };
    case 'gt':
    case 'gte':
      return { ...anywhere, from: filter.value, fromOpen: filter.operator === 'gt' };
    case 'lt':
    case 'lte':
      return { ...anywhere, to: filter.value, toOpen: filter.operator === 'lt' };
    case 'bt':
    case 'bte':
      return { from: filter.value[0], fromOpen: false, to: filter.value[1], toOpen: filter.operator === 'bte' };
  }
}

/** The id decides between events of one prompt time, so that no page misses or repeats any. */
function orderOf([first, second]: readonly Sort[]): Order {
  if (first === undefined) return { by: 'uid', dir: 'asc', bounds: {} };
  switch (first.key) {
    case 'random':
      return { by: 'random' };
    case 'uid':
      return {
        by: 'uid',
        dir: plain(first.dir),
        bounds: { after: uidPlace(first.after), before: uidPlace(first.before) },
      };
    case 'prompt_time': {
      const uid = second?.key === 'uid' ? second : undefined;
      const bounds = { after: timePlace(first.after, uid?.after), before: timePlace(first.before, uid?.before) };
      return { by: 'prompt_time', dir: plain(first.dir), uidDir: plain(uid?.dir ?? 'asc'), bounds };
    }
  }
}

function plain(dir: Sort['dir']): 'asc' | 'desc' {
  return dir === 'asc' || dir === 'asc_eq' ? 'asc' : 'desc';
}

function uidPlace(uid: string | null | undefined): Place | undefined {
  return uid === null || uid === undefined ? undefined : { uid };
}

function timePlace(promptTime: number | null | undefined, uid: string | null | undefined): Place | undefined {
  return promptTime === null || promptTime === undefined ? undefined : { promptTime, uid: uid ?? undefined };
}

function after(last: FoundEvent | undefined, { order, about }: SearchIn): readonly Sort[] | null {
  if (last === undefined || order.by === 'random' || about !== undefined) return null;
  const place = { before: null, after: last.uid };
  if (order.by === 'uid') return [{ key: 'uid', dir: order.dir, ...place }];
  return [
    { key: 'prompt_time', dir: `${order.dir}_eq`, before: null, after: last.prompt_time },
    { key: 'uid', dir: order.uidDir, ...place },
  ];
}
