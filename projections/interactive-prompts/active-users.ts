import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { promptSessionEvents } from '../../src/interactive-prompts/prompt-session.js';
import { projection, type RowsOf } from '../../src/platform/projecting/projection.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { table } from '../../src/platform/projecting/table.js';
import { isoDateOf, isoMonthOf, unixDateOf, unixMonthOf } from './local-dates.js';

/**
 * How many people were active on each day and in each month, and how many of those who came on one day were still seen some days
 * later. Joining a session is being active. There is no sign-up here: somebody's first day is the first on which they joined.
 *
 * A person counts once for a day, a month and a period, so the fold reads what it knows of them. Read: one row per day or
 * month. Change: a few rows for a person's first join of a day, none for the others.
 */
const periods = [0, 1, 7, 30, 90] as const;
export type Period = (typeof periods)[number];
/** Who comes back later than this is not counted as having stayed. */
const observedDaysMax = 182;

const tables = {
  days: table({ name: 'daily_active_users', columns: { unix_date: 'integer', total: 'bigint' }, key: ['unix_date'] }),
  months: table({
    name: 'monthly_active_users',
    columns: { unix_month: 'integer', total: 'bigint' },
    key: ['unix_month'],
  }),
  onDays: table({
    name: 'daily_active_user_subs',
    columns: { unix_date: 'integer', user_sub: 'text' },
    key: ['unix_date', 'user_sub'],
  }),
  inMonths: table({
    name: 'monthly_active_user_subs',
    columns: { unix_month: 'integer', user_sub: 'text' },
    key: ['unix_month', 'user_sub'],
  }),
  people: table({
    name: 'retention_people',
    columns: { user_sub: 'text', first_date: 'integer', days_seen_after: 'integer' },
    key: ['user_sub'],
  }),
  retention: table({
    name: 'retention',
    columns: { first_date: 'integer', period_days: 'integer', people: 'bigint', retained: 'bigint' },
    key: ['period_days', 'first_date'],
  }),
};

export const activeUsers = projection<typeof promptSessionEvents>()({
  name: 'active_users',
  version: 1,
  tables,
  reads: (happened) => {
    if (happened.type !== 'SessionJoined') return {};
    const { userSub: user_sub, createdAt } = happened;
    return {
      onDays: [{ unix_date: unixDateOf(createdAt), user_sub }],
      inMonths: [{ unix_month: unixMonthOf(createdAt), user_sub }],
      people: [{ user_sub }],
    };
  },
  when: {
    SessionJoined: ({ userSub, createdAt }, rows) => {
      const date = unixDateOf(createdAt);
      const onDay = { unix_date: date, user_sub: userSub };
      if (rows.onDays.get(onDay) !== undefined) return;
      rows.onDays.set(onDay, {});
      rows.days.add({ unix_date: date }, { total: 1 });
      countMonth(rows, unixMonthOf(createdAt), userSub);
      countRetention(rows, date, userSub);
    },
  },
});

function countMonth(rows: RowsOf<typeof tables>, unixMonth: number, userSub: string): void {
  const inMonth = { unix_month: unixMonth, user_sub: userSub };
  if (rows.inMonths.get(inMonth) !== undefined) return;
  rows.inMonths.set(inMonth, {});
  rows.months.add({ unix_month: unixMonth }, { total: 1 });
}

function countRetention(rows: RowsOf<typeof tables>, date: number, userSub: string): void {
  const known = rows.people.get({ user_sub: userSub }) ?? { first_date: date, days_seen_after: neverSeen };
  const { first_date, days_seen_after: before } = known;
  // The log's order is not the clocks' order: a join of an earlier day may come later, and adds nothing.
  const after = date - first_date;
  if (after > observedDaysMax || after <= before) return;
  rows.people.set({ user_sub: userSub }, { first_date, days_seen_after: after });
  const people = before === neverSeen ? 1 : 0;
  for (const period_days of periods) {
    const retained = period_days > before && period_days <= after ? 1 : 0;
    if (people + retained > 0) rows.retention.add({ period_days, first_date }, { people, retained });
  }
}

const neverSeen = -1;

/** One number for each of some days or months in a row. */
export interface Series {
  readonly labels: readonly string[];
  readonly values: readonly number[];
}

export class DailyActiveUsers extends Query<Series> {
  constructor(
    readonly from: number,
    readonly before: number,
  ) {
    super();
  }
}

@QueryHandler(DailyActiveUsers)
export class DailyActiveUsersHandler implements IQueryHandler<DailyActiveUsers> {
  constructor(private readonly readModels: ReadModels) {}

  async execute({ from, before }: DailyActiveUsers): Promise<Series> {
    const sql = 'select unix_date, total from read.daily_active_users where unix_date >= $1 and unix_date < $2';
    const rows = await this.readModels.query(tables.days.columns, sql, [from, before]);
    const totals = new Map(rows.map(({ unix_date, total }) => [unix_date, total]));
    return series({ from, before, label: isoDateOf }, (date) => totals.get(date) ?? 0);
  }
}

export class MonthlyActiveUsers extends Query<Series> {
  constructor(
    readonly from: number,
    readonly before: number,
  ) {
    super();
  }
}

@QueryHandler(MonthlyActiveUsers)
export class MonthlyActiveUsersHandler implements IQueryHandler<MonthlyActiveUsers> {
  constructor(private readonly readModels: ReadModels) {}

  async execute({ from, before }: MonthlyActiveUsers): Promise<Series> {
    const sql = 'select unix_month, total from read.monthly_active_users where unix_month >= $1 and unix_month < $2';
    const rows = await this.readModels.query(tables.months.columns, sql, [from, before]);
    const totals = new Map(rows.map(({ unix_month, total }) => [unix_month, total]));
    return series({ from, before, label: isoMonthOf }, (month) => totals.get(month) ?? 0);
  }
}

/** Of those whose first day it was: how many were seen again after that many days or more, and how many were not. */
export class Retention extends Query<{ readonly retained: Series; readonly unretained: Series }> {
  constructor(
    readonly period: Period,
    readonly from: number,
    readonly before: number,
  ) {
    super();
  }
}

@QueryHandler(Retention)
export class RetentionHandler implements IQueryHandler<Retention> {
  constructor(private readonly readModels: ReadModels) {}

  async execute({ period, from, before }: Retention): Promise<{ retained: Series; unretained: Series }> {
    const sql = `select first_date, period_days, people, retained from read.retention
      where period_days = $1 and first_date >= $2 and first_date < $3`;
    const rows = await this.readModels.query(tables.retention.columns, sql, [period, from, before]);
    const days = new Map(rows.map((row) => [row.first_date, row]));
    const range = { from, before, label: isoDateOf };
    return {
      retained: series(range, (date) => days.get(date)?.retained ?? 0),
      unretained: series(range, (date) => (days.get(date)?.people ?? 0) - (days.get(date)?.retained ?? 0)),
    };
  }
}

interface Span {
  readonly from: number;
  readonly before: number;
  readonly label: (at: number) => string;
}

function series({ from, before, label }: Span, valueAt: (at: number) => number): Series {
  const all = Array.from({ length: Math.max(0, before - from) }, (_, nth) => from + nth);
  return { labels: all.map(label), values: all.map(valueAt) };
}
