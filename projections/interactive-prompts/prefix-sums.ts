import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import type { PromptShape } from '../../src/interactive-prompts/prompt-content.js';
import type {
  PromptSessionEvent,
  promptSessionEvents,
  PromptSessionMoment,
} from '../../src/interactive-prompts/prompt-session.js';
import type { Json } from '../../src/kernel/event-family.js';
import type { PromptUid, UserSub } from '../../src/kernel/ids.js';
import { projection, type RowsOf } from '../../src/platform/projecting/projection.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { table } from '../../src/platform/projecting/table.js';
import { binOf, binsOf } from './bins.js';
import { type Category, changesBy, type Crowd, crowdOf, sessionsBy } from './crowd.js';
import { nodesToChange, nodesToRead } from './fenwick-tree.js';
import { afterStep, type Presence, type Step } from './presence.js';

/**
 * What a crowd looks like at every moment of a prompt, as if all had joined together: a value at a bin counts everything that
 * happened at or before it, whoever did it and whenever they came.
 *
 * Each value is a tree of partial sums over the bins. Read: the rows of at most log2(bins + 1) nodes, by primary key. Change:
 * as many rows per value, so an event costs the same in a crowd of ten and of a million.
 *
 * People are counted beside sessions, each once however many sessions they have at a time. For that the fold must know what
 * else somebody does in the prompt: joining and leaving, and nothing else, read a row of theirs first.
 */
const tables = {
  sums: table({
    name: 'prefix_sums',
    columns: { prompt_uid: 'text', node: 'integer', category: 'text', value: 'integer', total: 'bigint' },
    key: ['prompt_uid', 'node', 'category', 'value'],
  }),
  people: table({
    name: 'prefix_sums_people',
    columns: { prompt_uid: 'text', user_sub: 'text', presence: 'jsonb' },
    key: ['prompt_uid', 'user_sub'],
  }),
  /** Only for the day when a session changes hands. */
  stays: table({
    name: 'prefix_sums_stays',
    columns: { session_uid: 'text', bins: 'integer', joined_bin: 'integer', left_bin: 'integer?' },
    key: ['session_uid'],
  }),
};

type Rows = RowsOf<typeof tables>;

/** What most events read. */
const nothing = {};

export const prefixSums = projection<typeof promptSessionEvents>()({
  name: 'prefix_sums',
  version: 2,
  tables,
  reads: (happened) => {
    const { type, promptUid, sessionUid } = happened;
    if (type !== 'SessionJoined' && type !== 'SessionLeft' && type !== 'SessionOwnerChanged') return nothing;
    const own = { prompt_uid: promptUid, user_sub: happened.userSub };
    if (type !== 'SessionOwnerChanged') return { people: [own] };
    const theirs = { prompt_uid: promptUid, user_sub: happened.newOwner };
    return { people: [own, theirs], stays: [{ session_uid: sessionUid }] };
  },
  when: {
    SessionJoined: (moment, rows) => {
      change(moment, rows);
      const { sessionUid, promptTime, durationSeconds } = moment;
      const joined = { bins: binsOf(durationSeconds), joined_bin: binOf(promptTime, durationSeconds), left_bin: null };
      rows.stays.set({ session_uid: sessionUid }, joined);
    },
    SessionLeft: (moment, rows) => {
      change(moment, rows);
      const left_bin = binOf(moment.promptTime, moment.durationSeconds);
      rows.stays.set({ session_uid: moment.sessionUid }, { left_bin });
    },
    PromptLiked: change,
    NumberAnswered: change,
    ColorAnswered: change,
    WordAnswered: change,
    PressStarted: change,
    PressEnded: change,
    SessionOwnerChanged: move,
  },
});

function change(moment: PromptSessionMoment, rows: Rows): void {
  const { promptUid, userSub, promptTime, durationSeconds } = moment;
  const bin = binOf(promptTime, durationSeconds);
  const bins = binsOf(durationSeconds);
  for (const { category, value, by } of changesBy(moment)) {
    add(rows, { promptUid, bins, category, value }, { bin, by });
  }
  const by = sessionsBy(moment);
  if (by !== 0) step(rows, { promptUid, userSub, bins }, { bin, by });
}

/** Whoever takes a session over was there when its former owner was. */
function move({ promptUid, sessionUid, userSub, newOwner }: OwnerChanged, rows: Rows): void {
  const stay = rows.stays.get({ session_uid: sessionUid });
  if (stay === undefined) return;
  const { bins, joined_bin: joined, left_bin: left } = stay;
  for (const [sub, by] of [[userSub, -1] as const, [newOwner, 1] as const]) {
    step(rows, { promptUid, userSub: sub, bins }, { bin: joined, by });
    if (left !== null) step(rows, { promptUid, userSub: sub, bins }, { bin: left, by: -by });
  }
}

type OwnerChanged = Extract<PromptSessionEvent, { readonly type: 'SessionOwnerChanged' }>;

interface Somebody {
  readonly promptUid: PromptUid;
  readonly userSub: UserSub;
  readonly bins: number;
}

function step(rows: Rows, { promptUid, userSub, bins }: Somebody, step: Step): void {
  const key = { prompt_uid: promptUid, user_sub: userSub };
  const after = afterStep(presenceIn(rows.people.get(key)?.presence), step);
  rows.people.set(key, { presence: after.presence });
  for (const one of after.people) add(rows, { promptUid, bins, category: 'people', value: 0 }, one);
}

interface Sum {
  readonly promptUid: PromptUid;
  readonly bins: number;
  readonly category: Category;
  readonly value: number;
}

function add({ sums }: Rows, { promptUid, bins, category, value }: Sum, { bin, by }: Step): void {
  const change = { total: by };
  for (const node of nodesToChange(bin, bins)) sums.add({ prompt_uid: promptUid, node, category, value }, change);
}

const StoredPresence = z.array(z.int());

export function presenceIn(stored: Json | undefined): Presence {
  return stored === undefined ? [] : StoredPresence.parse(stored);
}

/** The crowd at the end of a bin, as the table has it. */
export class CrowdAt extends Query<Crowd> {
  constructor(
    readonly promptUid: PromptUid,
    readonly bin: number,
    readonly shape: PromptShape,
  ) {
    super();
  }
}

const sumsOfNodes = {
  columns: { category: 'text', value: 'integer', total: 'bigint' },
  sql: `select category, value, sum(total)::bigint as total from read.prefix_sums
        where prompt_uid = $1 and node = any($2) group by category, value`,
} as const;

@QueryHandler(CrowdAt)
export class CrowdAtHandler implements IQueryHandler<CrowdAt> {
  constructor(private readonly readModels: ReadModels) {}

  async execute({ promptUid, bin, shape }: CrowdAt): Promise<Crowd> {
    const nodes = [...nodesToRead(bin)];
    const sums = await this.readModels.query(sumsOfNodes.columns, sumsOfNodes.sql, [promptUid, nodes]);
    const totals = new Map(sums.map(({ category, value, total }) => [`${category} ${String(value)}`, total]));
    return crowdOf(shape, (category, value) => totals.get(`${category} ${String(value)}`) ?? 0);
  }
}
