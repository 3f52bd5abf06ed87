import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { JourneyUid } from '../../src/kernel/ids.js';
import { UnixSeconds } from '../../src/kernel/instant.js';
import type { SessionOrigin } from '../../src/interactive-prompts/prompt-session-moments.js';
import { eventually } from '../support/eventually.js';
import { aStage, type Answer, type APrompt, type Person, type Stage, Started } from './a-stage.js';
import { eventNo, joined, opened, sessionNo, user } from './stays.js';

let stage: Stage;
/** An administrator who sees everything that the tests did up to their last step. */
let reader: Person;

beforeAll(async () => {
  stage = await aStage();
  reader = stage.admin;
});
afterAll(() => stage.stop());

const seenUpTo = (position: string | number): void => {
  reader = stage.admin.with({ 'chorus-at-least': String(position) });
};
const noted = (answer: Answer): Answer => {
  const position = answer.headers.get('chorus-position');
  if (position !== null) seenUpTo(position);
  return answer;
};

let stays = 0;

/** Somebody joins at a moment of the calendar, a prompt of a journey about something, or else another. */
async function joins(name: string, createdAt: number, subject?: string): Promise<void> {
  const n = (stays += 1);
  const subcategory = { internalName: subject ?? '', externalName: 'shown to people' };
  const journeyUid = JourneyUid.parse(`oseh_j_${'j'.repeat(22)}`);
  const origin: SessionOrigin =
    subject === undefined ? { kind: 'direct' } : { kind: 'journey', journeyUid, subcategory };
  const own = { sessionUid: sessionNo(n), userSub: user(name), createdAt: UnixSeconds.parse(createdAt), origin };
  const events = [
    { ...opened, ...own },
    { ...joined(0, n), ...own, eventUid: eventNo(n) },
  ];
  seenUpTo(await stage.happened({ stream: `promptSession-${own.sessionUid}`, expected: 'none', events }));
}

const Total = z.object({ value: z.int() });
const total = async (): Promise<number> =>
  Total.parse((await reader.get('/api/1/admin/total_interactive_prompt_sessions')).body).value;

const Standings = z.array(
  z.object({
    projection: z.string(),
    live: z.object({ position: z.int() }),
    rebuild: z.object({ state: z.string() }).nullable(),
  }),
);
const standings = async () => Standings.parse((await reader.get('/api/1/admin/projections')).body);
const positionOf = async (name: string): Promise<number> =>
  (await standings()).find(({ projection }) => projection === name)!.live.position;

const Rows = z.object({ rows: z.array(z.object({ unix_month: z.int(), total: z.int() })) });
/** No route of its own reads the months, so this asks for the rows themselves. */
async function month(unixMonth: number): Promise<number> {
  const path = `/api/1/admin/projections/join_statistics/as_of?position=${String(await positionOf('join_statistics'))}`;
  const { body } = await reader.get(`${path}&table=sessions_by_month&where=unix_month=${String(unixMonth)}`);
  return Rows.parse(body).rows[0]?.total ?? 0;
}

const OnDays = z.array(z.object({ date: z.string(), value: z.int() }));
const ViewStats = z.object({
  items: z.array(
    z.object({
      subcategory: z.string(),
      total_views: z.int(),
      total_unique_views: z.int(),
      recent_views: OnDays,
      recent_unique_views: OnDays,
    }),
  ),
});
const subjects = async (before: string): Promise<z.infer<typeof ViewStats>['items']> =>
  ViewStats.parse((await reader.get(`/api/1/admin/journey_subcategory_view_stats?date=${before}`)).body).items;
/** What the last day before that one has. */
async function lastDay(subject: string, before: string) {
  const item = (await subjects(before)).find(({ subcategory }) => subcategory === subject);
  const [views, users] = [item?.recent_views.at(-1), item?.recent_unique_views.at(-1)];
  return { date: views?.date, views: views?.value, users: users?.value };
}

describe('the statistics of joining', () => {
  test('[79] count a join on its date and in its month, and its person once a day', async () => {
    await joins('ada', 1_700_000_000, 'X');
    expect([await total(), await month(646)]).toEqual([1, 1]);
    expect(await lastDay('X', '2023-11-15')).toEqual({ date: '2023-11-14', views: 1, users: 1 });
    await joins('ada', 1_700_000_100, 'X');
    expect([await total(), await month(646)]).toEqual([2, 2]);
    expect(await lastDay('X', '2023-11-15')).toEqual({ date: '2023-11-14', views: 2, users: 1 });
  });

  test('[80] begin a day at midnight in Los Angeles', async () => {
    await joins('ada', 1_700_035_199, 'Y');
    await joins('ada', 1_700_035_200, 'Y');
    expect(await lastDay('Y', '2023-11-15')).toEqual({ date: '2023-11-14', views: 1, users: 1 });
    expect(await lastDay('Y', '2023-11-16')).toEqual({ date: '2023-11-15', views: 1, users: 1 });
    const ever = (await subjects('2023-11-16')).find(({ subcategory }) => subcategory === 'Y');
    expect(ever).toMatchObject({ total_views: 2, total_unique_views: 2 });
  });

  test('[81] begin a month there, too', async () => {
    const [november, december] = [await month(646), await month(647)];
    await joins('ada', 1_701_417_599);
    await joins('ada', 1_701_417_600);
    expect([await month(646), await month(647)]).toEqual([november + 1, december + 1]);
  });

  test('[83] know no subject for a public prompt', async () => {
    const before = { total: await total(), subjects: await subjects('9999-01-01') };
    const body = { identifier: 'notification-time' };
    const started = await stage.person('ada').post('/api/1/interactive_prompts/start_public', body);
    const { uid } = Started.parse(started.body);
    noted(await stage.existing(uid).visitTo(stage.person('ada'), Started.parse(started.body)).join(0));
    expect(await total()).toBe(before.total + 1);
    expect(await subjects('9999-01-01')).toEqual(before.subjects);
  });

  test('[84] [85] are changed by joining alone', async () => {
    const prompt = await stage.prompt(15);
    const before = await total();
    const visit = await prompt.visit(stage.person('ada'));
    noted(await visit.like(1));
    expect(await total()).toBe(before);
    noted(await visit.join(1));
    expect(await total()).toBe(before + 1);
    for (const step of [() => visit.like(2), () => visit.word(3, 1), () => visit.leave(4)]) noted(await step());
    expect(await total()).toBe(before + 1);
  });
});

describe('who is active', () => {
  const day = 86_400;
  /** 15 June 2025. */
  const sunday = 1_750_000_000;
  const Chart = z.object({ labels: z.array(z.string()), values: z.array(z.int()) });
  const Retention = z.object({
    labels: z.array(z.string()),
    retained: z.array(z.int()),
    unretained: z.array(z.int()),
  });

  test('is counted once a day, and as retained as soon as they are seen again late enough', async () => {
    for (const [name, days] of [
      ['eve', 0],
      ['eve', 0.01],
      ['fay', 0],
      ['eve', 1],
      ['eve', 8],
    ] as const)
      await joins(name, sunday + days * day);
    const daily = Chart.parse((await reader.get('/api/1/admin/daily_active_users?date=2025-06-24')).body);
    expect(daily.labels.slice(-9)[0]).toBe('2025-06-15');
    expect(daily.values.slice(-9)).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 1]);
    const retention = async (period: string) => {
      const path = `/api/1/admin/retention?period=${period}&date=2025-07-01`;
      const { labels, retained, unretained } = Retention.parse((await reader.get(path)).body);
      const at = labels.indexOf('2025-06-15');
      return [retained[at], unretained[at]];
    };
    expect(await Promise.all(['0day', '1day', '7day', '30day'].map(retention))).toEqual([
      [2, 0],
      [1, 1],
      [1, 1],
      [0, 2],
    ]);
  });

  test('is shown for thirty days, for twelve months, and for whoever first came in half a year', async () => {
    const daily = Chart.parse((await reader.get('/api/1/admin/daily_active_users?date=2024-03-01')).body);
    expect(daily.values).toEqual(new Array(30).fill(0));
    expect(daily.labels.at(-1)).toBe('2024-02-29');
    noted(await (await (await stage.prompt(15)).visit(stage.person('somebody-today'))).join(0));
    const monthly = Chart.parse((await reader.get('/api/1/admin/monthly_active_users')).body);
    expect(monthly.values).toHaveLength(12);
    expect(monthly.values.at(-1)).toBe(2);
    const retention = Retention.parse((await reader.get('/api/1/admin/retention?period=7day')).body);
    expect(retention.labels).toHaveLength(182);
    expect((await reader.get('/api/1/admin/retention?period=2day')).status).toBe(422);
  });

  test('is asked for up to a date, or else up to today', async () => {
    const today = z.object({ retrieved_for: z.string() });
    const asked = async (date: string): Promise<string> =>
      today.parse((await reader.get(`/api/1/admin/journey_subcategory_view_stats?date=${date}`)).body).retrieved_for;
    expect(await asked('2024-03-01')).toBe('2024-03-01');
    expect(await asked('9999-01-01')).toBe(await asked('not-a-date'));
  });

  test.each([
    'total_interactive_prompt_sessions',
    'journey_subcategory_view_stats',
    'daily_active_users',
    'monthly_active_users',
    'retention',
  ])('of %s are for administrators alone', async (report) => {
    expect((await stage.person('ada').get(`/api/1/admin/${report}`)).status).toBe(403);
    expect((await stage.stranger.get(`/api/1/admin/${report}`)).status).toBe(401);
  });
});

describe('every number', () => {
  const numbers = ['prefix_sums', 'event_counts', 'join_statistics', 'active_users'];

  /** The crowd at every bin, what each second has, and the statistics. */
  async function everything(prompt: APrompt, atLeast = '0') {
    const path = `/api/1/interactive_prompts/events/stats/range?uid=${prompt.uid}`;
    const holder = stage.stranger.with({ authorization: `bearer ${prompt.jwt}`, 'chorus-at-least': atLeast });
    const { body: crowd } = await holder.get(path);
    return { crowd, counts: await prompt.counts(), total: await total(), subjects: await subjects('9999-01-01') };
  }

  test('[90] [91] stays when somebody is erased, and is the same when it is made anew from all that ever happened', async () => {
    const prompt = await stage.prompt(10);
    const visits = await Promise.all(['gone', 'old', 'stays'].map((name) => prompt.visit(stage.person(name))));
    for (const [nth, visit] of visits.entries()) {
      await visit.join(nth / 10);
      await visit.word(1.5, nth);
      noted(await visit.like(2 + nth));
    }
    noted(await visits[2]!.leave(5));
    const before = await everything(prompt);
    await stage.admin.post('/api/1/admin/people/erase', { user_sub: 'gone' });
    const erased = await eventually(async () => {
      const seen = await everything(prompt);
      // Whoever is erased leaves at the end, and nothing is taken back.
      const users = [3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 1];
      expect(seen).toMatchObject({ crowd: { users }, total: before.total, subjects: before.subjects });
      expect(seen.counts).toEqual({ ...before.counts, 10: 1 });
      return seen;
    });

    const order = { together_with: numbers.slice(1), switch: true };
    expect((await stage.admin.post('/api/1/admin/projections/prefix_sums/rebuild', order)).status).toBe(202);
    await eventually(async () => {
      const rebuilt = (await standings()).filter(({ projection }) => numbers.includes(projection));
      expect(rebuilt.map(({ rebuild }) => rebuild?.state)).toEqual(numbers.map(() => 'switched'));
    }, 15_000);
    // After a session changed hands, its prompt is read from the tables again, and these are the new ones now.
    await stage.admin.post('/api/1/admin/people/merge', { from: 'old', into: 'new' });
    await eventually(async () => {
      const { body } = await stage.admin.get('/api/1/admin/interactive_prompt_sessions?user_sub=new');
      expect(body).toMatchObject({ items: [{ interactive_prompt_uid: prompt.uid }] });
    });
    expect(await everything(prompt, String(await positionOf('prompt_sessions')))).toEqual(erased);
  }, 40_000);
});
