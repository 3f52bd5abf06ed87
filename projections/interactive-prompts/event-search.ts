import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { promptSessionEvents, PromptSessionMoment } from '../../src/interactive-prompts/prompt-session.js';
import type { watchedEvents } from '../../src/interactive-prompts/watch-item.js';
import type { Json, JsonObject } from '../../src/kernel/event-family.js';
import type { PromptUid } from '../../src/kernel/ids.js';
import type { RecordedEvent } from '../../src/platform/event-store/event-store.js';
import { projection, type RowsOf } from '../../src/platform/projecting/projection.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { table } from '../../src/platform/projecting/table.js';
import { bucketOf } from './bins.js';
import { sampleOf } from './sample.js';

/**
 * Everything that happened in a prompt, to be searched: for clients that show what others did before they came.
 *
 * Whose session it was is a row of its own, so that a session that changes hands, or is forgotten, is one row changed however
 * much happened in it. Read: by prompt, in the order of prompt time a page from the key's own index; the other filters leave out
 * of what is passed on the way. The order of event ids sorts the prompt: an index for it would cost every event, and is asked for
 * once in a long while. Change: one row per event.
 */
const tables = {
  events: table({
    name: 'event_search',
    columns: {
      prompt_uid: 'text',
      uid: 'text',
      session_uid: 'text',
      evtype: 'text',
      data: 'jsonb',
      prompt_time: 'double',
      created_at: 'double',
      position: 'bigint',
      sample: 'double',
    },
    key: ['prompt_uid', 'prompt_time', 'uid'],
  }),
  sessions: table({
    name: 'event_search_sessions',
    columns: { session_uid: 'text', user_sub: 'text?' },
    key: ['session_uid'],
    indexes: [['user_sub']],
  }),
};

type Rows = RowsOf<typeof tables>;

/** The names that clients know. They are the slice's: a read model knows them as a type, so what differs does not compile. */
const evtypes: typeof watchedEvents = {
  SessionJoined: 'join',
  SessionLeft: 'leave',
  PromptLiked: 'like',
  NumberAnswered: 'numeric_prompt_response',
  PressStarted: 'press_prompt_start_response',
  PressEnded: 'press_prompt_end_response',
  ColorAnswered: 'color_prompt_response',
  WordAnswered: 'word_prompt_response',
};

export const eventSearch = projection<typeof promptSessionEvents>()({
  name: 'event_search',
  version: 2,
  tables,
  when: {
    SessionJoined: (joined, rows, recorded) => {
      rows.sessions.set({ session_uid: joined.sessionUid }, { user_sub: joined.userSub });
      note(joined, rows, recorded);
    },
    PromptLiked: note,
    NumberAnswered: note,
    ColorAnswered: note,
    WordAnswered: note,
    PressStarted: note,
    PressEnded: note,
    SessionLeft: note,
    SessionOwnerChanged: ({ sessionUid, newOwner }, rows) => {
      rows.sessions.set({ session_uid: sessionUid }, { user_sub: newOwner });
    },
    SessionErased: ({ sessionUid }, rows) => {
      rows.sessions.set({ session_uid: sessionUid }, { user_sub: null });
    },
  },
});

function note(moment: PromptSessionMoment, rows: Rows, { position }: RecordedEvent): void {
  const { promptUid, eventUid, sessionUid, promptTime, createdAt } = moment;
  rows.events.set(
    { prompt_uid: promptUid, prompt_time: promptTime, uid: eventUid },
    {
      session_uid: sessionUid,
      evtype: evtypes[moment.type],
      data: dataOf(moment),
      created_at: createdAt,
      position: Number(position),
      sample: sampleOf(eventUid),
    },
  );
}

function dataOf(moment: PromptSessionMoment): JsonObject {
  switch (moment.type) {
    case 'SessionJoined':
    case 'SessionLeft':
      return { name: moment.name };
    case 'NumberAnswered':
      return { rating: moment.rating };
    case 'ColorAnswered':
    case 'WordAnswered':
      return { index: moment.index };
    case 'PromptLiked':
    case 'PressStarted':
    case 'PressEnded':
      return {};
  }
}

export interface Search {
  readonly promptUid: PromptUid;
  readonly evtype: Choice;
  readonly sessionUid: Choice;
  readonly userSub: Choice;
  readonly promptTime: Span;
  readonly createdAt: Span;
  readonly order: Order;
  /** Of the events of the one second that `promptTime` spans, about this many, always the same; more if it is raised. */
  readonly about?: number | undefined;
  readonly limit: number;
}

/** Absent: any. */
export interface Choice {
  readonly in?: readonly string[] | undefined;
  readonly notIn?: readonly string[] | undefined;
}

/** From and to are included unless they are open. */
export interface Span {
  readonly from: number;
  readonly fromOpen: boolean;
  readonly to: number;
  readonly toOpen: boolean;
  readonly not?: number | undefined;
}

export type Order =
  | { readonly by: 'random' }
  | { readonly by: 'uid'; readonly dir: Direction; readonly bounds: Bounds }
  | { readonly by: 'prompt_time'; readonly dir: Direction; readonly uidDir: Direction; readonly bounds: Bounds };

type Direction = 'asc' | 'desc';

/** What the page lies between. An end without an event id leaves out the whole prompt time. */
export interface Bounds {
  readonly after?: Place | undefined;
  readonly before?: Place | undefined;
}

export interface Place {
  readonly promptTime?: number | undefined;
  readonly uid?: string | undefined;
}

export class SearchEvents extends Query<readonly FoundEvent[]> {
  constructor(readonly search: Search) {
    super();
  }
}

export interface FoundEvent {
  readonly uid: string;
  readonly session_uid: string;
  /** Null once the person was forgotten. */
  readonly user_sub: string | null;
  readonly evtype: string;
  readonly data: Json;
  readonly prompt_time: number;
  readonly created_at: number;
}

const nobodysName = 'Anonymous';

@QueryHandler(SearchEvents)
export class SearchEventsHandler implements IQueryHandler<SearchEvents> {
  constructor(private readonly readModels: ReadModels) {}

  async execute({ search }: SearchEvents): Promise<readonly FoundEvent[]> {
    const { promptUid, evtype, sessionUid, userSub, promptTime, createdAt, order, about = null, limit } = search;
    const { after, before } = order.by === 'random' ? {} : order.bounds;
    const rows = await this.readModels.query(foundColumns, sqlOf(order), [
      promptUid,
      ...[evtype, sessionUid, userSub].flatMap((choice) => [choice.in ?? null, choice.notIn ?? null]),
      ...[promptTime, createdAt].flatMap((it) => [it.from, it.fromOpen, it.to, it.toOpen, it.not ?? null]),
      about,
      Number.isFinite(promptTime.from) ? bucketOf(promptTime.from) : 0,
      limit,
      ...[after, before].flatMap((place) => [place?.promptTime ?? null, place?.uid ?? null]),
    ]);
    return rows.map((row) =>
      row.user_sub === null && 'name' in Object(row.data) ? { ...row, data: { name: nobodysName } } : row,
    );
  }
}

const foundColumns = {
  uid: 'text',
  session_uid: 'text',
  user_sub: 'text?',
  evtype: 'text',
  data: 'jsonb',
  prompt_time: 'double',
  created_at: 'double',
} as const;

/** One text per order: what varies is a parameter, and one that is null leaves nothing out. */
function sqlOf(order: Order): string {
  return `
    select e.uid, e.session_uid, s.user_sub, e.evtype, e.data, e.prompt_time, e.created_at
    from read.event_search e join read.event_search_sessions s using (session_uid)
    where e.prompt_uid = $1
      and ${isAmong('e.evtype', 2)} and ${isAmong('e.session_uid', 4)} and ${isAmong('s.user_sub', 6)}
      and ${isWithin('e.prompt_time', 8)} and ${isWithin('e.created_at', 13)}
      and ($18::double precision is null or e.sample * greatest(1,
        (select total from read.event_counts where prompt_uid = $1 and bucket = $19::integer)) < $18)
      and ${isBetween(order)}
    order by ${orderOf(order)} limit $20`;
}

function isAmong(column: string, first: number): string {
  const [within, without] = [`$${String(first)}::text[]`, `$${String(first + 1)}::text[]`];
  return `(${within} is null or ${column} = any(${within})) and (${without} is null or (${column} = any(${without})) is not true)`;
}

function isWithin(column: string, first: number): string {
  const [from, fromOpen, to, toOpen, not] = Array.from({ length: 5 }, (_, nth) => `$${String(first + nth)}`);
  return `${column} >= ${from ?? ''}::double precision and not (${fromOpen ?? ''}::boolean and ${column} = ${from ?? ''})
      and ${column} <= ${to ?? ''}::double precision and not (${toOpen ?? ''}::boolean and ${column} = ${to ?? ''})
      and (${not ?? ''}::double precision is null or ${column} <> ${not ?? ''})`;
}

function isBetween(order: Order): string {
  // A parameter without a use has no type.
  if (order.by === 'random')
    return `coalesce($21::double precision, $23::double precision, 0) = 0 and $22::text is null and $24::text is null`;
  const uidDir = order.by === 'uid' ? order.dir : order.uidDir;
  const dir = order.by === 'uid' ? 'asc' : order.dir;
  const isBeyond = (time: string, uid: string, [uidSign, timeSign]: readonly [string, string]): string =>
    `(${time} is null and ${uid} is null or e.prompt_time ${timeSign} ${time}
      or coalesce(e.prompt_time = ${time}, true) and e.uid ${uidSign} ${uid})`;
  const after = isBeyond('$21::double precision', '$22::text', [signs[uidDir], signs[dir]]);
  const before = isBeyond('$23::double precision', '$24::text', [opposite[uidDir], opposite[dir]]);
  return `${after} and ${before}`;
}

const signs = { asc: '>', desc: '<' } as const;
const opposite = { asc: '<', desc: '>' } as const;

function orderOf(order: Order): string {
  switch (order.by) {
    case 'random':
      return 'random()';
    case 'uid':
      return `e.uid ${order.dir}`;
    case 'prompt_time':
      return `e.prompt_time ${order.dir}, e.uid ${order.uidDir}`;
  }
}
