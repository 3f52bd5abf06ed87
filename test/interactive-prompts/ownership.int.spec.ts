import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { departedPeople } from '../../projections/people/departed-people.js';
import { sessionsOfPerson } from '../../projections/people/sessions-of-person.js';
import { PromptSessionCommand } from '../../src/interactive-prompts/interactive-prompts.bus.js';
import { ownership } from '../../src/interactive-prompts/ownership.process.js';
import {
  promptSession,
  promptSessionEvents,
  type PromptSessionEvent,
} from '../../src/interactive-prompts/prompt-session.js';
import type { PromptSessionWish } from '../../src/interactive-prompts/prompt-session-wishes.js';
import type { PromptSessionUid } from '../../src/kernel/ids.js';
import { personEvents, type PersonEvent } from '../../src/people/person.js';
import { CommandAddresses } from '../../src/platform/deciding/command-addresses.js';
import { Decider } from '../../src/platform/deciding/decider.js';
import type { StreamCommand } from '../../src/platform/deciding/stream-command.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import type { RecordedEvent } from '../../src/platform/event-store/event-store.js';
import { PostgresEventStore } from '../../src/platform/event-store/postgres.event-store.js';
import { Tail } from '../../src/platform/event-store/tail.js';
import type { ProjectionProgress } from '../../src/platform/projecting/progress.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { Checkpoints } from '../../src/platform/reacting/checkpoints.js';
import { DeadLetters } from '../../src/platform/reacting/dead-letters.js';
import { Deadlines } from '../../src/platform/reacting/deadlines.js';
import { TryLater } from '../../src/platform/reacting/process.js';
import { processLimits, Tenure } from '../../src/platform/reacting/tenure.js';
import { ObservedReactions } from '../platform/reacting.restaurant.js';
import { aWorker, type Worker } from '../platform/projecting.worker.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aGate, eventually } from '../support/eventually.js';
import { at, joined, opened, sessionNo, user } from './stays.js';

const codec = new EventCodec([promptSessionEvents, personEvents]);
const readModelsNeeded = [departedPeople, sessionsOfPerson];
const logLimits = { eventBytesMax: 1_000_000, appendEventsMax: 1_000, appendQueueMax: 1_000 };

let testing: TestDatabase;
let store: PostgresEventStore;
let tail: Tail;
let projecting: Worker | undefined;
let observer: ObservedReactions;
let ends: (() => Promise<void>)[];
/** What stands between the process and its commands, and its knowledge of how far the read models are. */
let beforeSend: (command: StreamCommand) => Promise<void>;
let sent: StreamCommand[];
let progress: ProjectionProgress;

beforeEach(async () => {
  testing = await aDatabase();
  store = new PostgresEventStore(testing.database, codec, logLimits);
  tail = new Tail(store, { busyPollMs: 5, idlePollMs: 5 });
  observer = new ObservedReactions();
  ends = [];
  sent = [];
  beforeSend = () => Promise.resolve();
});
afterEach(async () => {
  for (const end of ends) await end();
  await projecting?.stop();
  projecting = undefined;
  await tail.close();
  await store.close();
  await testing.close();
});

async function readModelsRun(): Promise<void> {
  projecting = await aWorker(testing.database, { projections: readModelsNeeded, codec });
  ({ progress } = projecting);
}

async function happens(stream: string, ...events: (PromptSessionEvent | PersonEvent)[]): Promise<RecordedEvent> {
  const writes = [{ stream, expected: 'any', events }] as const;
  return (await store.append({ writes, metadata: { correlationId: 'client' } })).events.at(-1)!;
}

/** Somebody opens a session and joins it. */
async function begins(n: number, name: string): Promise<void> {
  const own = { sessionUid: sessionNo(n), userSub: user(name) };
  await happens(`promptSession-${sessionNo(n)}`, { ...opened, ...own }, { ...joined(0, n), ...own });
}

const merged = (from: string, into: string): PersonEvent => ({
  type: 'PersonMerged',
  from: user(from),
  into: user(into),
  at: at(0),
});

/** A worker gets the lease of the process, on whatever the log and the read models are. */
function runs(epoch: number): { readonly end: () => Promise<void> } {
  const decider = new Decider(promptSession, store, { commandDone: () => undefined });
  const commands = {
    execute: async (command: StreamCommand) => {
      sent.push(command);
      await beforeSend(command);
      return decider.carryOut(command.id, command.payload as PromptSessionWish, command.cause);
    },
  };
  const { database } = testing;
  const addresses = new CommandAddresses([
    {
      address: {
        category: 'promptSession',
        message: PromptSessionCommand,
        commandOf: (id: PromptSessionUid, payload: PromptSessionWish, cause) =>
          new PromptSessionCommand(id, payload, cause),
      },
    },
  ]);
  const abort = new AbortController();
  const ended = Tenure.of(
    {
      process: ownership({
        readModels: new ReadModels(database),
        progress: { waitFor: (...asked) => progress.waitFor(...asked) },
      }),
      ...{ store, tail, observer },
      checkpoints: new Checkpoints(database),
      deadLetters: new DeadLetters(database),
      acting: { commands, addresses, deadlines: new Deadlines(database) },
      limits: { ...processLimits, retryMs: [1, 1, 1], outageMsMax: 5, saveMs: 5 },
    },
    { epoch, signal: abort.signal },
  );
  const end = async (): Promise<void> => {
    abort.abort();
    await ended;
  };
  ends.push(end);
  return { end };
}

const everything = async (): Promise<readonly PromptSessionEvent[]> =>
  (await store.readAll({ after: 0n, limit: 1_000, filter: { categories: ['promptSession'] } })).events.map(
    ({ event }) => event as PromptSessionEvent,
  );
const moves = async (): Promise<readonly string[]> =>
  (await everything()).flatMap((event) =>
    event.type === 'SessionOwnerChanged'
      ? [`${event.sessionUid.slice(-1)}: ${event.userSub} -> ${event.newOwner}`]
      : [],
  );
const idsOf = (commands: readonly StreamCommand[]): readonly unknown[] =>
  commands.map(({ id, cause }) => [id, cause.commandId]);

describe('what becomes of the sessions of somebody who merges accounts', () => {
  test('happens once to each, when the worker dies in the middle and another one begins again', async () => {
    await readModelsRun();
    for (const n of [1, 2, 3]) await begins(n, 'old');
    await happens('person-old', merged('old', 'new'));

    const { opened: death, open: dies } = aGate();
    beforeSend = async ({ id }) => {
      if (id !== sessionNo(3)) return;
      await death;
      throw new Error('killed');
    };
    const first = runs(1);
    await eventually(() => {
      expect(sent).toHaveLength(3);
    });
    // What happens while nobody works: one of those that were given over goes on, and the old account gets another session.
    await happens(`promptSession-${sessionNo(1)}`, {
      type: 'SessionOwnerChanged',
      ...{ promptUid: opened.promptUid, sessionUid: sessionNo(1), userSub: user('new'), newOwner: user('third') },
      at: at(1),
    });
    await begins(4, 'old');
    const ending = first.end();
    dies();
    await ending;
    expect(await moves()).toEqual(['1: old -> new', '2: old -> new', '1: new -> third']);

    const before = sent.splice(0);
    beforeSend = () => Promise.resolve();
    runs(2);
    await eventually(async () => {
      expect(await moves()).toEqual(['1: old -> new', '2: old -> new', '1: new -> third', '3: old -> new']);
    });
    expect(idsOf(sent)).toEqual(idsOf(before));
  });

  test('waits for read models that have not seen the merge yet, for as long as it takes', async () => {
    for (const n of [1, 2]) await begins(n, 'old');
    const { position } = await happens('person-old', merged('old', 'new'));
    const asked: { readModel: string; wanted: bigint }[] = [];
    progress = {
      waitFor: (readModel, wanted) => {
        asked.push({ readModel, wanted });
        return Promise.resolve({ reached: false, at: 1n });
      },
    };
    runs(1);
    await eventually(() => {
      expect(observer.failures.length).toBeGreaterThan(10);
    });
    expect(observer.failures.every((failure) => failure instanceof TryLater)).toBe(true);
    expect(String(observer.failures[0])).toBe(`TryLater: person_sessions is at 1, not yet at ${String(position)}.`);
    expect(new Set(asked.map(({ readModel }) => readModel))).toEqual(new Set(['person_sessions']));
    expect(asked.every(({ wanted }) => wanted === position)).toBe(true);
    expect(observer.setAside).toEqual([]);
    expect(sent).toEqual([]);

    await readModelsRun();
    await eventually(async () => {
      expect(await moves()).toEqual(['1: old -> new', '2: old -> new']);
    }, 10_000);
  });

  test('goes on to whoever took that account over, also if that merge was dealt with first', async () => {
    await readModelsRun();
    await begins(1, 'first');
    await happens('person-second', merged('second', 'third'));
    const { opened: later, open } = aGate();
    const real = progress;
    // The merge into the second account is held back until the second account is gone, and its own merge found no session.
    await happens('person-first', merged('first', 'second'));
    progress = {
      waitFor: async (readModel, position, waitMs) => {
        if (readModel === 'person_sessions' && position > 3n) await later;
        return real.waitFor(readModel, position, waitMs);
      },
    };
    runs(1);
    await eventually(async () => {
      const checkpoints = await new Checkpoints(testing.database).all();
      expect(checkpoints.find(({ process }) => process === 'prompt_session_ownership')?.position).toBe(3n);
    });
    expect(await moves()).toEqual([]);
    open();
    await eventually(async () => {
      expect(await moves()).toEqual(['1: first -> second', '1: second -> third']);
    });
  });
});

describe('what becomes of the sessions of somebody who is erased', () => {
  test('happens once, under the same event ids, however often it is heard', async () => {
    await readModelsRun();
    await begins(1, 'gone');
    await happens('person-gone', { type: 'PersonErased', userSub: user('gone'), at: at(5) });
    let deaths = 2;
    const wishes: unknown[] = [];
    beforeSend = ({ payload }) => {
      wishes.push(payload);
      return deaths-- > 0 ? Promise.reject(new Error('killed')) : Promise.resolve();
    };
    const first = runs(1);
    await eventually(async () => {
      expect((await everything()).map(({ type }) => type)).toEqual([
        'SessionOpened',
        'SessionJoined',
        'SessionLeft',
        'SessionErased',
      ]);
    });
    expect(wishes).toHaveLength(3);
    expect(new Set(wishes.map((wish) => JSON.stringify(wish))).size).toBe(1);

    await first.end();
    await testing.database.pool.query(`update reacting.checkpoints set position = 0`);
    runs(2);
    await eventually(() => {
      expect(sent).toHaveLength(4);
    });
    await eventually(async () => {
      const [{ position } = { position: 0n }] = await new Checkpoints(testing.database).all();
      expect(position).toBe(await store.head());
    });
    expect(new Set(sent.map(({ cause }) => cause.commandId)).size).toBe(1);
    expect(await everything()).toHaveLength(4);
  });
});
