import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  InstancesOf,
  InstancesOfHandler,
  publicInstances,
  type PublicInstance,
} from '../../projections/interactive-prompts/public-instances.js';
import {
  type ListedSession,
  SessionPage,
  SessionPageHandler,
  sessions,
  type WantedSessions,
} from '../../projections/interactive-prompts/sessions.js';
import { promptSessionEvents, type PromptSessionEvent } from '../../src/interactive-prompts/prompt-session.js';
import {
  publicPrompt,
  publicPromptEvents,
  type PublicPromptEvent,
  type PublicPromptWish,
} from '../../src/interactive-prompts/public-prompt.js';
import { isRefusal } from '../../src/kernel/decision-model.js';
import { PublicRecordUid } from '../../src/kernel/ids.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import type { RecordedEvent } from '../../src/platform/event-store/event-store.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { aWorker, type Worker } from '../platform/projecting.worker.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { crowds } from './crowds.js';
import { at, promptNo, sessionNo, threeWords } from './stays.js';

let testing: TestDatabase;
let worker: Worker;
let readModels: ReadModels;

beforeAll(async () => {
  testing = await aDatabase();
  const codec = new EventCodec([promptSessionEvents, publicPromptEvents]);
  worker = await aWorker(testing.database, { projections: [sessions, publicInstances], codec });
  readModels = new ReadModels(testing.database);
});
afterAll(async () => {
  await worker.stop();
  await testing.close();
});

async function happen(
  events: readonly (PromptSessionEvent | PublicPromptEvent)[],
  readModel: string,
): Promise<readonly RecordedEvent[]> {
  if (events.length === 0) return [];
  const writes = [{ stream: 'promptSession-of-tests', expected: 'any', events }] as const;
  const appended = await worker.store.append({ writes, metadata: { correlationId: 'test' } });
  await worker.progress.waitFor(readModel, appended.position, 5_000);
  return appended.events;
}

/** Page by page to the end, as a client reads. */
async function everyPage<Row>(
  read: (before: number | undefined, limit: number) => Promise<readonly Row[]>,
  positionOf: (row: Row) => number,
  limit: number,
): Promise<readonly Row[]> {
  const all: Row[] = [];
  for (;;) {
    const last = all.at(-1);
    const page = await read(last === undefined ? undefined : positionOf(last), limit);
    all.push(...page);
    if (page.length < limit) return all;
  }
}

const listed = (wanted: Partial<WantedSessions>, limit: number): Promise<readonly ListedSession[]> =>
  everyPage(
    (before, size) => {
      const any = { promptUid: undefined, userSub: undefined, state: undefined };
      return new SessionPageHandler(readModels).execute(new SessionPage({ ...any, ...wanted, before, limit: size }));
    },
    ({ opened_position }) => opened_position,
    limit,
  );

/** What the log says of one session, counted by hand. */
function sessionByHand(own: readonly RecordedEvent[]): ListedSession {
  const happened = own.map(({ event }) => event as PromptSessionEvent);
  const find = <Type extends PromptSessionEvent['type']>(type: Type) =>
    happened.find((event): event is Extract<PromptSessionEvent, { type: Type }> => event.type === type);
  const [opened, joined, left] = [find('SessionOpened'), find('SessionJoined'), find('SessionLeft')];
  const owners = happened.flatMap((event) => (event.type === 'SessionOwnerChanged' ? [event.newOwner] : []));
  return {
    session_uid: opened!.sessionUid,
    prompt_uid: opened!.promptUid,
    user_sub: find('SessionErased') === undefined ? (owners.at(-1) ?? opened!.userSub) : null,
    state: left?.reason ?? (joined === undefined ? 'opened' : 'joined'),
    origin: 'direct',
    origin_name: null,
    opened_position: Number(own[0]!.position),
    opened_at: opened!.createdAt,
    joined_at: joined?.createdAt ?? null,
    left_at: left?.createdAt ?? null,
    left_prompt_time: left?.promptTime ?? null,
  };
}

describe('the sessions of a prompt', () => {
  test('are what a recount of the log says, newest first, whatever people did and however the pages are cut', async () => {
    let runs = 0;
    const property = fc.asyncProperty(
      crowds,
      fc.boolean(),
      fc.integer({ min: 1, max: 7 }),
      async (crowd, erases, limit) => {
        runs += 1;
        const promptUid = promptNo(runs);
        const ownUid = (uid: string) => sessionNo(runs * 100 + Number(uid.slice(-22)));
        const events: PromptSessionEvent[] = crowd.events.map((event) => ({
          ...event,
          promptUid,
          sessionUid: ownUid(event.sessionUid),
        }));
        const last = events.at(-1);
        if (erases && last !== undefined) {
          const { sessionUid, userSub } = last;
          events.push({ type: 'SessionErased', promptUid, sessionUid, userSub, at: at(9) });
        }
        const recorded = await happen(events, 'prompt_sessions');

        const uids = [...new Set(events.map(({ sessionUid }) => sessionUid))];
        const ofSession = (uid: string) =>
          recorded.filter(({ event }) => 'sessionUid' in event && event.sessionUid === uid);
        const byHand = uids
          .map((uid) => sessionByHand(ofSession(uid)))
          .toSorted((one, other) => other.opened_position - one.opened_position);
        expect(await listed({ promptUid }, limit)).toEqual(byHand);
        for (const state of ['opened', 'joined', 'left', 'expired'] as const)
          expect(await listed({ promptUid, state }, limit)).toEqual(byHand.filter((row) => row.state === state));
        for (const owner of new Set(byHand.flatMap(({ user_sub }) => (user_sub === null ? [] : [user_sub]))))
          expect(await listed({ promptUid, userSub: owner }, limit)).toEqual(
            byHand.filter(({ user_sub }) => user_sub === owner),
          );
      },
    );
    await fc.assert(property, { numRuns: 25 });
  }, 60_000);

  test('of one person are those of all prompts', async () => {
    const all = await listed({}, 50);
    const [{ user_sub: userSub } = { user_sub: null }] = all.filter(({ user_sub }) => user_sub !== null);
    const own = await listed({ userSub: userSub ?? '' }, 50);
    expect(own).toEqual(all.filter(({ user_sub }) => user_sub === userSub));
    expect(new Set(own.map(({ prompt_uid }) => prompt_uid)).size).toBeGreaterThan(1);
  });
});

describe('the instances of a public prompt', () => {
  const moves = fc.array(
    fc.record({ raises: fc.nat(4).map((n) => n === 0), seconds: fc.constantFrom(1, 59, 60, 61, 500) }),
    { maxLength: 12 },
  );

  test('are what a recount of the log says, newest first', async () => {
    let runs = 0;
    const property = fc.asyncProperty(moves, fc.integer({ min: 1, max: 4 }), async (steps, limit) => {
      const identifier = `prompt-${String((runs += 1))}`;
      const recorded = await happen(rotationsOf(identifier, runs, steps), 'public_instances');
      const byHand = recorded
        .flatMap(({ event, position }): PublicInstance[] => {
          const rotated = event as PublicPromptEvent;
          if (rotated.type !== 'PublicInstanceRotated') return [];
          const { recordUid: record_uid, version, promptUid: prompt_uid, reason, expiresAt: expires_at } = rotated;
          const started = { started_position: Number(position), started_at: rotated.at };
          return [{ record_uid, version, prompt_uid, ...started, expires_at, reason }];
        })
        .toReversed();
      const found = await everyPage(
        (before, size) =>
          new InstancesOfHandler(readModels).execute(new InstancesOf(identifier, { before, limit: size })),
        ({ started_position }) => started_position,
        limit,
      );
      expect(found).toEqual(byHand);
    });
    await fc.assert(property, { numRuns: 25 });
  }, 60_000);
});

/** What becomes of it when it is asked for at several times, with higher versions in between. */
function rotationsOf(
  identifier: string,
  run: number,
  steps: readonly { readonly raises: boolean; readonly seconds: number }[],
): readonly PublicPromptEvent[] {
  let state = publicPrompt.initial;
  let [now, version] = [0, 0];
  const wish = (command: PublicPromptWish): readonly PublicPromptEvent[] => {
    const decision = publicPrompt.decide(command, state);
    if (isRefusal(decision)) throw new Error(decision.refused);
    state = decision.reduce(publicPrompt.evolve, state);
    return decision;
  };
  const define = (): readonly PublicPromptEvent[] => {
    const settings = { identifier, version, content: threeWords, durationSeconds: 60, expiresSeconds: 60 };
    return wish({ type: 'DefinePublicPrompt', ...settings, at: at(now) });
  };
  return [
    ...define(),
    ...steps.flatMap(({ raises, seconds }, nth) => {
      now += seconds;
      version += raises ? 1 : 0;
      const n = run * 100 + nth;
      const recordUid = PublicRecordUid.parse(`oseh_pip_${String(n).padStart(22, '0')}`);
      return [...define(), ...wish({ type: 'RotateInstance', promptUid: promptNo(n), recordUid, at: at(now) })];
    }),
  ];
}
