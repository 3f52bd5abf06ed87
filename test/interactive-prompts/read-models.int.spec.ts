import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import {
  activeUsers,
  DailyActiveUsers,
  DailyActiveUsersHandler,
  Retention,
  RetentionHandler,
} from '../../projections/interactive-prompts/active-users.js';
import { eventCounts } from '../../projections/interactive-prompts/event-counts.js';
import { eventSearch, SearchEvents, SearchEventsHandler } from '../../projections/interactive-prompts/event-search.js';
import {
  joinStatistics,
  SubcategoryViews,
  SubcategoryViewsHandler,
  TotalSessionsHandler,
} from '../../projections/interactive-prompts/join-statistics.js';
import { prefixSums } from '../../projections/interactive-prompts/prefix-sums.js';
import {
  PicturesAt,
  PicturesAtHandler,
  profilePictures,
} from '../../projections/interactive-prompts/profile-pictures.js';
import { promptSessionEvents } from '../../src/interactive-prompts/prompt-session.js';
import type { EventOf } from '../../src/kernel/event-family.js';
import { ImageUid, JourneyUid } from '../../src/kernel/ids.js';
import { UnixSeconds } from '../../src/kernel/instant.js';
import { personEvents } from '../../src/people/person.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { Builds } from '../../src/platform/projecting/builds.js';
import type { Projection } from '../../src/platform/projecting/projection.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { aWorker, until, type Worker } from '../platform/projecting.worker.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { crowds } from './crowds.js';
import { eventNo, joined, left, liked, promptNo, sessionNo, user } from './stays.js';

const projections: readonly Projection[] = [
  prefixSums,
  eventCounts,
  eventSearch,
  profilePictures,
  joinStatistics,
  activeUsers,
];
const codec = new EventCodec([promptSessionEvents, personEvents]);

let testing: TestDatabase;
let worker: Worker;
let readModels: ReadModels;

beforeAll(async () => {
  testing = await aDatabase();
  worker = await aWorker(testing.database, { projections, codec });
  readModels = new ReadModels(testing.database);
});

afterAll(async () => {
  await worker.stop();
  await testing.close();
});

type Happened = EventOf<typeof promptSessionEvents> | EventOf<typeof personEvents>;

async function happen(stream: string, ...events: readonly Happened[]): Promise<void> {
  const writes = [{ stream, expected: 'any', events }] as const;
  const { position } = await worker.store.append({ writes, metadata: { correlationId: 'test' } });
  for (const { name } of projections) await worker.progress.waitFor(name, position, 5_000);
}

let sessions = 100;

/** Somebody joins a prompt of a journey about something, or of none, at a moment of the calendar. */
async function join(name: string, createdAt: number, subject?: string): Promise<void> {
  const sessionUid = sessionNo((sessions += 1));
  const subcategory = { internalName: subject ?? '', externalName: 'shown to people' };
  const journeyUid = JourneyUid.parse(`oseh_j_${'j'.repeat(22)}`);
  const origin =
    subject === undefined
      ? ({ kind: 'public', identifier: 'p' } as const)
      : ({ kind: 'journey', journeyUid, subcategory } as const);
  const moment = {
    sessionUid,
    userSub: user(name),
    eventUid: eventNo(sessions),
    createdAt: UnixSeconds.parse(createdAt),
  };
  await happen(`promptSession-${sessionUid}`, { ...joined(0), ...moment, origin });
}

const total = () => new TotalSessionsHandler(readModels).execute();
const views = (before: number) => new SubcategoryViewsHandler(readModels).execute(new SubcategoryViews(before, 30));
const month = async (unixMonth: number): Promise<number> => {
  const sql = 'select total from read.sessions_by_month where unix_month = $1';
  return (await readModels.query({ total: 'bigint' }, sql, [unixMonth]))[0]?.total ?? 0;
};
const lastDay = async (subject: string, before: number) => {
  const seen = (await views(before)).find(({ subcategory }) => subcategory === subject)?.recent.at(-1);
  return { views: seen?.views ?? 0, users: seen?.users ?? 0 };
};

describe('the statistics of joining', () => {
  test('[79] count a join on its date and in its month, and its person once a day', async () => {
    const before = { total: await total(), month: await month(646) };
    await join('ada', 1_700_000_000, 'X');
    await join('ada', 1_700_000_100, 'X');
    expect(await total()).toBe(before.total + 2);
    expect(await month(646)).toBe(before.month + 2);
    expect(await lastDay('X', 19_676)).toEqual({ views: 2, users: 1 });
  });

  test('[80] begin a day at midnight in Los Angeles', async () => {
    await join('ada', 1_700_035_199, 'Y');
    await join('ada', 1_700_035_200, 'Y');
    expect(await lastDay('Y', 19_676)).toEqual({ views: 1, users: 1 });
    expect(await lastDay('Y', 19_677)).toEqual({ views: 1, users: 1 });
    expect((await views(19_677)).find(({ subcategory }) => subcategory === 'Y')).toMatchObject({ views: 2, users: 2 });
  });

  test('[81] begin a month there, too', async () => {
    const [november, december] = [await month(646), await month(647)];
    await join('ada', 1_701_417_599);
    await join('ada', 1_701_417_600);
    expect([await month(646), await month(647)]).toEqual([november + 1, december + 1]);
  });

  test('[83] know no subject for a public prompt', async () => {
    const before = { total: await total(), subjects: (await views(30_000)).length };
    await join('ada', 1_700_000_000);
    expect(await total()).toBe(before.total + 1);
    expect(await views(30_000)).toHaveLength(before.subjects);
  });

  test('[84] [85] are changed by nothing else', async () => {
    const before = await total();
    await happen(`promptSession-${sessionNo(1)}`, liked(1, 2), left(2, 3));
    expect(await total()).toBe(before);
  });
});

describe('who is active', () => {
  const day = 86_400;
  const monday = 1_750_000_000;
  const unixDate = 20_254;

  test('is counted once a day, and as retained as soon as they are seen again late enough', async () => {
    for (const [name, after] of [
      ['eve', 0],
      ['eve', 0.01],
      ['fay', 0],
      ['eve', 1],
      ['eve', 8],
    ] as const)
      await join(name, monday + after * day);
    const daily = new DailyActiveUsers(unixDate, unixDate + 9);
    expect((await new DailyActiveUsersHandler(readModels).execute(daily)).values).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 1]);
    const retention = async (period: 0 | 1 | 7 | 30) => {
      const asked = new Retention(period, unixDate, unixDate + 1);
      const { retained, unretained } = await new RetentionHandler(readModels).execute(asked);
      return [retained.values[0], unretained.values[0]];
    };
    expect(await Promise.all(([0, 1, 7, 30] as const).map(retention))).toEqual([
      [2, 0],
      [1, 1],
      [1, 1],
      [0, 2],
    ]);
  });
});

describe('the pictures of a prompt', () => {
  const promptUid = promptNo(900);
  const imageOf = (name: string) => ImageUid.parse(`oseh_if_${name.padStart(22, '0')}`);
  const face = (name: string) =>
    happen(`person-${name}`, {
      type: 'PictureChanged',
      userSub: user(name),
      imageUid: imageOf(name),
      at: UnixSeconds.parse(1),
    });
  const comes = (name: string, at: number, n: number) => {
    const stay = { promptUid, sessionUid: sessionNo(n), userSub: user(name), eventUid: eventNo(n) };
    return happen(`promptSession-${stay.sessionUid}`, { ...joined(at), ...stay });
  };
  const goes = (name: string, at: number, n: number) => {
    const stay = { promptUid, sessionUid: sessionNo(n), userSub: user(name), eventUid: eventNo(n + 50) };
    return happen(`promptSession-${stay.sessionUid}`, { ...left(at), ...stay });
  };
  const at = async (time: number): Promise<string[]> => {
    const pictures = await new PicturesAtHandler(readModels).execute(new PicturesAt(promptUid, time));
    return pictures.map(({ user_sub }) => user_sub).toSorted();
  };

  test('[70] are of those who came by then and have not left', async () => {
    for (const name of ['p1', 'p2', 'p3']) await face(name);
    await comes('p1', 0, 901);
    await goes('p1', 2, 901);
    await comes('p2', 2.4, 902);
    await comes('p3', 1, 903);
    expect(await at(2)).toEqual(['p3']);
    expect(await at(4)).toEqual(['p2', 'p3']);
  });

  test('[71] show a person once, for as long as any of their sessions goes on', async () => {
    await comes('p3', 1.5, 904);
    await goes('p3', 5, 903);
    expect(await at(4)).toEqual(['p2', 'p3']);
    expect(await at(6)).toEqual(['p2', 'p3']);
  });

  test('are of those with a picture, and at most twenty-five, the same each time', async () => {
    for (let n = 0; n < 30; n += 1) {
      await face(`q${String(n)}`);
      await comes(`q${String(n)}`, 8, 910 + n);
    }
    await comes('faceless', 8, 950);
    const pictures = () => new PicturesAtHandler(readModels).execute(new PicturesAt(promptUid, 8));
    const seen = await pictures();
    expect(seen).toHaveLength(25);
    expect(await pictures()).toEqual(seen);
    expect(seen.map(({ user_sub }) => user_sub)).not.toContain('faceless');
  });

  test('drop somebody who is forgotten, and follow a session to its new owner', async () => {
    const stay = { promptUid, sessionUid: sessionNo(902), userSub: user('p2'), at: UnixSeconds.parse(2) };
    await happen('promptSession-x', { type: 'SessionOwnerChanged', ...stay, newOwner: user('p1') });
    expect(await at(4)).toEqual(['p1', 'p3']);
    await happen('promptSession-x', { type: 'SessionErased', ...stay, userSub: user('p1') });
    expect(await at(4)).toEqual(['p3']);
    await happen('person-p3', { type: 'PersonErased', userSub: user('p3'), at: UnixSeconds.parse(3) });
    expect(await at(4)).toEqual([]);
  });
});

describe('the events of somebody', () => {
  const promptUid = promptNo(1_000);
  const stay = { promptUid, sessionUid: sessionNo(1_001), userSub: user('gil') };
  const anywhere = { from: -Infinity, fromOpen: false, to: Infinity, toOpen: false };
  const found = async () => {
    const order = { by: 'prompt_time', dir: 'asc', uidDir: 'asc', bounds: {} } as const;
    const any = { evtype: {}, sessionUid: {}, userSub: {}, promptTime: anywhere, createdAt: anywhere };
    return new SearchEventsHandler(readModels).execute(new SearchEvents({ promptUid, ...any, order, limit: 10 }));
  };

  test('are found under whoever has the session, and under nobody once that is forgotten', async () => {
    const stream = `promptSession-${stay.sessionUid}`;
    await happen(stream, { ...joined(0, 1_001), ...stay }, { ...liked(1, 1_002), ...stay });
    expect(await found()).toMatchObject([
      { user_sub: 'gil', data: { name: 'Ada' } },
      { user_sub: 'gil', data: {} },
    ]);
    await happen(stream, { type: 'SessionOwnerChanged', ...stay, newOwner: user('hal'), at: UnixSeconds.parse(2) });
    expect(await found()).toMatchObject([{ user_sub: 'hal' }, { user_sub: 'hal' }]);
    await happen(stream, { type: 'SessionErased', ...stay, userSub: user('hal'), at: UnixSeconds.parse(3) });
    expect(await found()).toMatchObject([
      { user_sub: null, data: { name: 'Anonymous' } },
      { user_sub: null, data: {} },
    ]);
  });
});

describe('a read model', () => {
  test('[90] [91] is the same again when it is made anew from all that ever happened', async () => {
    const history = fc.sample(crowds, { numRuns: 20, seed: 91 });
    for (const [n, { events }] of history.entries()) {
      const moved = events.map((event) => ({ ...event, promptUid: promptNo(2_000 + n) }));
      const erased = moved.at(-1);
      if (erased === undefined) continue;
      const { promptUid, sessionUid, userSub } = erased;
      await happen('promptSession-replayed', ...moved, {
        type: 'SessionErased',
        promptUid,
        sessionUid,
        userSub,
        at: UnixSeconds.parse(9),
      });
    }
    await worker.stop();
    const raised = projections.map((one) => ({ ...one, version: one.version + 1 }));
    worker = await aWorker(testing.database, { projections: raised, codec });
    const builds = new Builds(testing.database);
    await until(async () =>
      (await builds.list())
        .filter(({ state }) => state === 'live')
        .every(({ projection, version }) => isRaised(projection, version)),
    );
    for (const { name, tables, version } of projections) {
      const [before, after] = await Promise.all([version, version + 1].map((each) => rowsOf(name, each, tables)));
      expect(after).toEqual(before);
      expect(Object.values(after ?? {}).flat().length).toBeGreaterThan(0);
    }
  }, 60_000);
});

const isRaised = (name: string, version: number): boolean =>
  projections.some((one) => one.name === name && one.version + 1 === version);

async function rowsOf(name: string, version: number, tables: Projection['tables']): Promise<Record<string, unknown[]>> {
  const schema = `${name}_v${String(version)}`;
  const all = Object.values(tables).map(async (table) => {
    const { rows } = await testing.database.pool.query<Record<string, unknown>>(
      `select to_jsonb(t) as row from "${schema}"."${table.name}" t order by to_jsonb(t)`,
    );
    return [table.name, z.array(z.unknown()).parse(rows)] as const;
  });
  return Object.fromEntries(await Promise.all(all));
}
