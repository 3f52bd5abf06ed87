import { z } from 'zod';
import type { ReadModels } from '../../platform/projecting/read-models.js';
import { binsOfTree, type Happening, type Sums } from './recount.js';

/** What the read models have of one journey and its prompt. */
export class RowsHere {
  constructor(private readonly readModels: ReadModels) {}

  async journey(journeyUid: string) {
    const sql =
      'select title, prompt_uid, internal_name, created_at, deleted from read.journey_list where journey_uid = $1';
    const [row] = await this.readModels.query(journeyColumns, sql, [journeyUid]);
    return row;
  }

  sessions(promptUid: string) {
    const sql = 'select session_uid, user_sub, opened_at from read.prompt_sessions where prompt_uid = $1';
    return this.readModels.query(sessionColumns, sql, [promptUid]);
  }

  /** As they are in the log. */
  async events(promptUid: string): Promise<readonly EventHere[]> {
    const sql = `select uid, session_uid, evtype, data, prompt_time, created_at, position from read.event_search
                 where prompt_uid = $1 order by position`;
    const rows = await this.readModels.query(eventColumns, sql, [promptUid]);
    return rows.map(({ uid, session_uid, evtype, data, prompt_time, created_at }) => ({
      uid,
      sessionUid: session_uid,
      evtype,
      time: prompt_time,
      createdAt: created_at,
      value: valueIn(data),
    }));
  }

  async seconds(promptUid: string): Promise<ReadonlyMap<number, number>> {
    const sql = 'select bucket, total from read.event_counts where prompt_uid = $1';
    const rows = await this.readModels.query({ bucket: 'integer', total: 'bigint' }, sql, [promptUid]);
    return new Map(rows.map(({ bucket, total }) => [bucket, total]));
  }

  /** But for the number of people, which nobody counted in the journey era. */
  async sums(promptUid: string, bins: number): Promise<Sums> {
    const sql = `select category, value, node, total from read.prefix_sums where prompt_uid = $1 and category <> 'people'`;
    const rows = await this.readModels.query(sumColumns, sql, [promptUid]);
    const trees = Map.groupBy(rows, ({ category, value }) => `${category} ${String(value)}`);
    return new Map(
      [...trees].map(([key, nodes]) => [key, binsOfTree(new Map(nodes.map(({ node, total }) => [node, total])), bins)]),
    );
  }

  async joins(promptUid: string): Promise<number> {
    const sql = 'select joins from read.prompt_joins where prompt_uid = $1';
    const [row] = await this.readModels.query({ joins: 'bigint' }, sql, [promptUid]);
    return row?.joins ?? 0;
  }
}

export interface EventHere extends Happening {
  readonly uid: string;
  readonly createdAt: number;
}

const journeyColumns = {
  title: 'text',
  prompt_uid: 'text',
  internal_name: 'text',
  created_at: 'double',
  deleted: 'boolean',
} as const;
const sessionColumns = { session_uid: 'text', user_sub: 'text?', opened_at: 'double' } as const;
const eventColumns = {
  uid: 'text',
  session_uid: 'text',
  evtype: 'text',
  data: 'jsonb',
  prompt_time: 'double',
  created_at: 'double',
  position: 'bigint',
} as const;
const sumColumns = { category: 'text', value: 'integer', node: 'integer', total: 'bigint' } as const;

const Answered = z.union([
  z.object({ rating: z.number() }).transform(({ rating }) => rating),
  z.object({ index: z.number() }).transform(({ index }) => index),
]);

function valueIn(data: unknown): number | undefined {
  return Answered.safeParse(data).data;
}
