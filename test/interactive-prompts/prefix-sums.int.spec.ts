import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { binOf, binsOf, bucketOf } from '../../projections/interactive-prompts/bins.js';
import { CrowdAsOf, CrowdAsOfHandler } from '../../projections/interactive-prompts/crowd-as-of.js';
import { CrowdsInMemory } from '../../projections/interactive-prompts/crowd-in-memory.js';
import { eventCounts, EventCounts, EventCountsHandler } from '../../projections/interactive-prompts/event-counts.js';
import { eventSearch } from '../../projections/interactive-prompts/event-search.js';
import { CrowdAt, CrowdAtHandler, prefixSums } from '../../projections/interactive-prompts/prefix-sums.js';
import { shapeOf } from '../../src/interactive-prompts/prompt-content.js';
import { promptSessionEvents, type PromptSessionEvent } from '../../src/interactive-prompts/prompt-session.js';
import { PromptSessionUid, type PromptUid } from '../../src/kernel/ids.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { Tail } from '../../src/platform/event-store/tail.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { aWorker, type Worker } from '../platform/projecting.worker.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aGate, eventually } from '../support/eventually.js';
import { InterposedStore } from '../support/interposed-store.js';
import { crowdByHand, crowds, isMoment } from './crowds.js';
import { joined, left, liked, promptNo, sessionNo, threeWords, user } from './stays.js';

let testing: TestDatabase;
let worker: Worker;
let readModels: ReadModels;
let tail: Tail;
let memory: CrowdsInMemory;

beforeAll(async () => {
  testing = await aDatabase();
  const codec = new EventCodec([promptSessionEvents]);
  worker = await aWorker(testing.database, { projections: [prefixSums, eventCounts, eventSearch], codec });
  readModels = new ReadModels(testing.database);
  tail = new Tail(worker.store);
  memory = new CrowdsInMemory(worker.store, tail, testing.database, worker.progress);
  await memory.onApplicationBootstrap();
});

afterAll(async () => {
  await memory.onApplicationShutdown();
  await tail.close();
  await worker.stop();
  await testing.close();
});

let prompts = 10;

/** Each history is of a prompt of its own, and of sessions of its own. */
class Happening {
  readonly promptUid: PromptUid = promptNo((prompts += 1));
  readonly positions: bigint[] = [];

  /** The log gets it in pieces, so that it is folded in several batches. */
  async goesOn(events: readonly PromptSessionEvent[]): Promise<bigint> {
    for (const event of events) {
      const sessionUid = PromptSessionUid.parse(
        event.sessionUid.slice(0, -4) + this.promptUid.slice(-3) + event.sessionUid.slice(-1),
      );
      const happened = { ...event, sessionUid, promptUid: this.promptUid };
      const writes = [{ stream: `promptSession-${sessionUid}`, expected: 'any', events: [happened] }] as const;
      this.positions.push((await worker.store.append({ writes, metadata: { correlationId: 'test' } })).position);
    }
    return this.positions.at(-1) ?? 0n;
  }

  async isInTables(): Promise<void> {
    const position = this.positions.at(-1) ?? 0n;
    for (const name of ['prefix_sums', 'event_counts']) await worker.progress.waitFor(name, position, 5_000);
  }
}

async function happen(events: readonly PromptSessionEvent[]): Promise<PromptUid> {
  const happening = new Happening();
  await happening.goesOn(events);
  await happening.isInTables();
  return happening.promptUid;
}

const crowdAt = (promptUid: PromptUid, bin: number, content = threeWords) =>
  new CrowdAtHandler(readModels).execute(new CrowdAt(promptUid, bin, shapeOf(content)));

describe('the prefix sums of a prompt, in the database', () => {
  test('[9] keep a leave at the very end in the last node', async () => {
    const promptUid = await happen([joined(0), left(15, 2)]);
    const nodes = await readModels.query(
      { node: 'integer', total: 'bigint' },
      `select node, total from read.prefix_sums where prompt_uid = $1 and category = 'users' order by node`,
      [promptUid],
    );
    expect(nodes).toEqual([
      { node: 0, total: 1 },
      { node: 1, total: 1 },
      { node: 3, total: 1 },
      { node: 7, total: 1 },
      { node: 14, total: -1 },
    ]);
    expect((await crowdAt(promptUid, 13)).users).toBe(1);
    expect((await crowdAt(promptUid, 14)).users).toBe(0);
  });

  test('are what counting by hand counts, at every bin and in every second', async () => {
    const property = fc.asyncProperty(crowds, async (crowd) => {
      const promptUid = await happen(crowd.events);
      for (let bin = 0; bin < binsOf(crowd.durationSeconds); bin += 1) {
        expect(await crowdAt(promptUid, bin, crowd.content)).toEqual(crowdByHand(crowd, bin));
      }
      const counts = await new EventCountsHandler(readModels).execute(new EventCounts(promptUid));
      const moments = crowd.events.filter(isMoment);
      for (const { bucket, total } of counts)
        expect(total).toBe(moments.filter(({ promptTime }) => bucketOf(promptTime) === bucket).length);
      expect(counts.reduce((sum, { total }) => sum + total, 0)).toBe(moments.length);
    });
    await fc.assert(property, { numRuns: 15 });
  });

  test('of one prompt are not those of another', async () => {
    const one = await happen([joined(0)]);
    const other = await happen([]);
    expect((await crowdAt(one, 14)).users).toBe(1);
    expect((await crowdAt(other, 14)).users).toBe(0);
  });
});

describe('the crowd in memory', () => {
  const wait = { waitMs: 5_000 };

  test('is what counting by hand counts, wherever in the history it was loaded', async () => {
    const property = fc.asyncProperty(crowds, fc.double({ min: 0, max: 1, noNaN: true }), async (crowd, share) => {
      const happening = new Happening();
      const watched = { promptUid: happening.promptUid, durationSeconds: crowd.durationSeconds };
      const loadedAfter = Math.floor(share * crowd.events.length);
      await happening.goesOn(crowd.events.slice(0, loadedAfter));
      // Not waiting for the tables: what they lack must come from the log.
      const loading = memory.of(watched, { atLeast: 0n, ...wait });
      const atLeast = await happening.goesOn(crowd.events.slice(loadedAfter));
      await loading;
      const sums = await memory.of(watched, { atLeast, ...wait });
      expect(sums.position).toBeGreaterThanOrEqual(atLeast);
      const bins = Array.from({ length: binsOf(crowd.durationSeconds) }, (_, bin) => bin);
      expect(bins.map((bin) => sums.at(bin, shapeOf(crowd.content)))).toEqual(
        bins.map((bin) => crowdByHand(crowd, bin)),
      );
    });
    await fc.assert(property, { numRuns: 40 });
  }, 60_000);

  test('of many people in a long prompt is loaded slice by slice, and nobody else waits for it', async () => {
    const durationSeconds = 3_600;
    const promptUid = promptNo((prompts += 1));
    const joins = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, nth) => ({
        ...joined((from + nth) * 2, from + nth + 1),
        ...{ promptUid, durationSeconds, sessionUid: sessionNo(100_000 + from + nth) },
        userSub: user(`person-${String(from + nth)}`),
      }));
    const append = async (events: readonly PromptSessionEvent[]): Promise<bigint> => {
      const writes = [{ stream: 'promptSession-of-many', expected: 'any', events }] as const;
      return (await worker.store.append({ writes, metadata: { correlationId: 'test' } })).position;
    };
    await worker.progress.waitFor('prefix_sums', await append(joins(0, 1_600)), 5_000);

    let turns = 0;
    let isLoading = true;
    const count = (): void => {
      turns += 1;
      if (isLoading) setImmediate(count);
    };
    setImmediate(count);
    const loading = memory.of({ promptUid, durationSeconds }, { atLeast: 0n, ...wait });
    const atLeast = await append(joins(1_600, 1_700));
    await loading;
    isLoading = false;
    const sums = await memory.of({ promptUid, durationSeconds }, { atLeast, ...wait });

    // At least one for each slice: four of people, sixteen of nodes.
    expect(turns).toBeGreaterThan(20);
    for (const bin of [0, 255, 256, 1_023, 2_048, binsOf(durationSeconds) - 1]) {
      const there = joins(0, 1_700).filter(({ promptTime }) => binOf(promptTime, durationSeconds) <= bin).length;
      expect(sums.at(bin, shapeOf(threeWords))).toMatchObject({ users: there, people: there });
    }
  });

  test('of a hundred thousand people is loaded without keeping anybody waiting for long', async () => {
    const promptUid = promptNo((prompts += 1));
    await worker.progress.waitFor('prefix_sums', await new Happening().goesOn([joined(0)]), 5_000);
    const { name, version } = prefixSums;
    await testing.database.pool.query(
      `insert into "${name}_v${String(version)}".prefix_sums_people (prompt_uid, user_sub, presence)
       select $1, 'person-' || n, jsonb_build_array(n % 60, 1, 60, -1) from generate_series(1, 100000) n`,
      [promptUid],
    );

    // What one turn of the loop takes of the processor, and so how long others wait where nobody else needs that.
    let busiestMs = 0;
    let isLoading = true;
    let before = process.threadCpuUsage();
    const turn = (): void => {
      const { user, system } = process.threadCpuUsage(before);
      busiestMs = Math.max(busiestMs, (user + system) / 1_000);
      before = process.threadCpuUsage();
      if (isLoading) setImmediate(turn);
    };
    setImmediate(turn);
    const sums = await memory.of({ promptUid, durationSeconds: 3_600 }, { atLeast: 0n, ...wait });
    isLoading = false;

    expect(sums.size).toBeGreaterThan(100_000);
    expect(busiestMs).toBeLessThan(50);
  }, 30_000);

  test('asks the database once, however often it is asked', async () => {
    const happening = new Happening();
    const watched = { promptUid: happening.promptUid, durationSeconds: 15 };
    await happening.goesOn([joined(0)]);
    const first = await memory.of(watched, { atLeast: happening.positions[0] ?? 0n, ...wait });
    const atLeast = await happening.goesOn([liked(1, 2), liked(2, 3)]);
    const again = await memory.of(watched, { atLeast, ...wait });
    expect(again).toBe(first);
    expect(again.at(2, shapeOf(threeWords))).toMatchObject({ users: 1, people: 1, likes: 2 });
  });

  test('says how far it is when what is asked for does not come', async () => {
    const watched = { promptUid: promptNo((prompts += 1)), durationSeconds: 15 };
    const sums = await memory.of(watched, { atLeast: 1_000_000_000n, waitMs: 50 });
    expect(sums.position).toBeLessThan(1_000_000_000n);
  });
});

describe('the crowd as of a position', () => {
  const asOf = async (happening: Happening, position: bigint, waitMs = 5_000) =>
    new CrowdAsOfHandler(worker.store, readModels, worker.progress).execute(
      new CrowdAsOf({ promptUid: happening.promptUid, durationSeconds: 15 }, position, waitMs),
    );

  test('is the one that was there when the log had come so far', async () => {
    const happening = new Happening();
    const handedOver = {
      ...joined(0),
      type: 'SessionOwnerChanged',
      newOwner: user('u2'),
      at: joined(0).createdAt,
    } as const;
    const { promptUid, sessionUid, userSub, newOwner, at } = handedOver;
    await happening.goesOn([
      joined(0),
      liked(1, 2),
      { type: 'SessionOwnerChanged', promptUid, sessionUid, userSub, newOwner, at },
      { ...left(3, 3), userSub: newOwner },
    ]);
    const seen = await Promise.all(happening.positions.map((position) => asOf(happening, position)));
    const last = seen.map((then) => (then.outcome === 'seen' ? then.sums.at(14, shapeOf(threeWords)) : then.outcome));
    expect(last).toMatchObject([
      { users: 1, people: 1, likes: 0 },
      { users: 1, people: 1, likes: 1 },
      { users: 1, people: 1, likes: 1 },
      { users: 0, people: 0, likes: 1 },
    ]);
  });

  test('has every event of a session up to there, however many there are', async () => {
    const happening = new Happening();
    const likes = Array.from({ length: 1_100 }, (_, n) => liked(1 + n / 100, n + 2));
    const { promptUid } = happening;
    const events = [joined(0), ...likes].map((event) => ({ ...event, promptUid }));
    const writes = [{ stream: `promptSession-${sessionNo(1)}`, expected: 'any', events }] as const;
    const { position } = await worker.store.append({ writes, metadata: { correlationId: 'test' } });
    const likesAsOf = async (before: bigint): Promise<number> => {
      const then = await asOf(happening, position - before);
      return then.outcome === 'seen' ? then.sums.at(14, shapeOf(threeWords)).likes : -1;
    };
    expect(await Promise.all([0n, 1n, 500n, 1_000n, 1_100n].map(likesAsOf))).toEqual([1_100, 1_099, 600, 100, 0]);
  });

  test('is counted once for all who ask for it, and one after the other for those who ask for others', async () => {
    const happening = new Happening();
    const last = await happening.goesOn([joined(0), liked(1, 2), liked(2, 3), liked(3, 4), left(4, 5)]);
    await worker.progress.waitFor('event_search', last, 5_000);
    const store = new InterposedStore(worker.store);
    const handler = new CrowdAsOfHandler(store, readModels, worker.progress);
    const ask = (nth: number) =>
      handler.execute(
        new CrowdAsOf({ promptUid: happening.promptUid, durationSeconds: 15 }, happening.positions[nth] ?? 0n, 5_000),
      );
    const { opened: goOn, open } = aGate();
    store.before('readStream', () => goOn);
    const waiting = [0, 0, 1, 2, 3].map(ask);
    await eventually(() => {
      expect(store.steps).toEqual(['readStream']);
    });
    expect(await ask(4)).toEqual({ outcome: 'busy' });
    open();
    expect(await Promise.all(waiting)).toMatchObject(waiting.map(() => ({ outcome: 'seen' })));
    expect(await ask(1)).toMatchObject({ outcome: 'seen', sums: { position: happening.positions[1] } });
    expect(store.steps).toHaveLength(4);
    expect(await ask(4)).toMatchObject({ outcome: 'seen' });
  });

  test('is not guessed when the log has not come so far', async () => {
    expect(await asOf(new Happening(), 1_000_000_000n, 50)).toMatchObject({ outcome: 'behind' });
  });
});
