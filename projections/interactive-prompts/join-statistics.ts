import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { promptSessionEvents } from '../../src/interactive-prompts/prompt-session.js';
import { projection } from '../../src/platform/projecting/projection.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { table } from '../../src/platform/projecting/table.js';
import { isoDateOf, unixDateOf, unixMonthOf } from './local-dates.js';

/**
 * How many sessions were joined: in all, in each month, and by the subject of the journey that led there, as it was named when
 * somebody joined. What people do afterwards changes nothing here, nor does forgetting them.
 *
 * Read: a row per month, or per subject and day. Change: a row each, and one for each person, subject and day.
 */
const tables = {
  months: table({
    name: 'sessions_by_month',
    columns: { unix_month: 'integer', total: 'bigint' },
    key: ['unix_month'],
  }),
  subcategories: table({
    name: 'subcategory_views',
    columns: { subcategory: 'text', unix_date: 'integer', total_views: 'bigint', total_users: 'bigint' },
    key: ['subcategory', 'unix_date'],
  }),
  viewers: table({
    name: 'subcategory_viewers',
    columns: { subcategory: 'text', unix_date: 'integer', user_sub: 'text' },
    key: ['subcategory', 'unix_date', 'user_sub'],
  }),
};

export const joinStatistics = projection<typeof promptSessionEvents>()({
  name: 'join_statistics',
  version: 1,
  tables,
  reads: (happened) =>
    happened.type === 'SessionJoined' && happened.origin.kind === 'journey'
      ? { viewers: [{ ...viewsOf(happened.origin, happened.createdAt), user_sub: happened.userSub }] }
      : {},
  when: {
    SessionJoined: ({ origin, createdAt, userSub }, rows) => {
      rows.months.add({ unix_month: unixMonthOf(createdAt) }, { total: 1 });
      if (origin.kind !== 'journey') return;
      const views = viewsOf(origin, createdAt);
      const viewer = { ...views, user_sub: userSub };
      const isFirst = rows.viewers.get(viewer) === undefined;
      rows.subcategories.add(views, { total_views: 1, total_users: isFirst ? 1 : 0 });
      if (isFirst) rows.viewers.set(viewer, {});
    },
  },
});

interface JourneyOrigin {
  readonly subcategory: { readonly internalName: string };
}

function viewsOf({ subcategory }: JourneyOrigin, createdAt: number) {
  return { subcategory: subcategory.internalName, unix_date: unixDateOf(createdAt) };
}

export class TotalSessions extends Query<number> {}

@QueryHandler(TotalSessions)
export class TotalSessionsHandler implements IQueryHandler<TotalSessions> {
  constructor(private readonly readModels: ReadModels) {}

  async execute(): Promise<number> {
    const sql = 'select coalesce(sum(total), 0)::bigint as total from read.sessions_by_month';
    const [row] = await this.readModels.query({ total: 'bigint' }, sql);
    return row?.total ?? 0;
  }
}

/** Views by subject up to the day before a date, and day by day for the last of them. */
export class SubcategoryViews extends Query<readonly SubcategoryView[]> {
  constructor(
    readonly beforeDate: number,
    readonly days: number,
  ) {
    super();
  }
}

export interface SubcategoryView {
  readonly subcategory: string;
  readonly views: number;
  readonly users: number;
  readonly recent: readonly { readonly date: string; readonly views: number; readonly users: number }[];
}

@QueryHandler(SubcategoryViews)
export class SubcategoryViewsHandler implements IQueryHandler<SubcategoryViews> {
  constructor(private readonly readModels: ReadModels) {}

  async execute({ beforeDate, days }: SubcategoryViews): Promise<readonly SubcategoryView[]> {
    const first = beforeDate - days;
    const [totals, recent] = await Promise.all([
      this.readModels.query(totalColumns, totalSql, [beforeDate]),
      this.readModels.query(tables.subcategories.columns, recentSql, [first, beforeDate]),
    ]);
    const dates = Array.from({ length: days }, (_, nth) => first + nth);
    return totals.map(({ subcategory, views, users }) => {
      const own = new Map(recent.filter((row) => row.subcategory === subcategory).map((row) => [row.unix_date, row]));
      const onDate = (date: number) => ({
        date: isoDateOf(date),
        views: own.get(date)?.total_views ?? 0,
        users: own.get(date)?.total_users ?? 0,
      });
      return { subcategory, views, users, recent: dates.map(onDate) };
    });
  }
}

const totalColumns = { subcategory: 'text', views: 'bigint', users: 'bigint' } as const;
const totalSql = `
  select subcategory, sum(total_views)::bigint as views, sum(total_users)::bigint as users
  from read.subcategory_views where unix_date < $1 group by subcategory order by views desc, subcategory`;
const recentSql = `
  select subcategory, unix_date, total_views, total_users from read.subcategory_views
  where unix_date >= $1 and unix_date < $2`;
