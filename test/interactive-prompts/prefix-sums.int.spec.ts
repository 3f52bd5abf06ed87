import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { binOf, binsOf, bucketOf } from '../../projections/interactive-prompts/bins.js';
import { eventCounts, EventCounts, EventCountsHandler } from '../../projections/interactive-prompts/event-counts.js';
import { CrowdAt, CrowdAtHandler, prefixSums } from '../../projections/interactive-prompts/prefix-sums.js';
import type { PromptUid } from '../../src/kernel/ids.js';
import { shapeOf } from '../../src/interactive-prompts/prompt-content.js';
import { promptSessionEvents, type PromptSessionEvent } from '../../src/interactive-prompts/prompt-session.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { aWorker, type Worker } from '../platform/projecting.worker.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { countUpTo, crowds } from './crowds.js';
import { joined, left, promptNo, threeWords } from './stays.js';

let testing: TestDatabase;
let worker: Worker;
let readModels: ReadModels;

beforeAll(async () => {
  testing = await aDatabase();
  const codec = new EventCodec([promptSessionEvents]);
  worker = await aWorker(testing.database, { projections: [prefixSums, eventCounts], codec });
  readModels = new ReadModels(testing.database);
});

afterAll(async () => {
  await worker.stop();
  await testing.close();
});

/** Each history is of a prompt of its own. The log gets it in pieces, so that it is folded in several batches. */
let prompts = 10;
async function happen(events: readonly PromptSessionEvent[]): Promise<PromptUid> {
  const promptUid = promptNo((prompts += 1));
  let position = 0n;
  for (const event of events) {
    const writes = [
      { stream: `promptSession-${event.sessionUid}`, expected: 'any', events: [{ ...event, promptUid }] },
    ] as const;
    ({ position } = await worker.store.append({ writes, metadata: { correlationId: 'test' } }));
  }
  for (const name of ['prefix_sums', 'event_counts']) await worker.progress.waitFor(name, position, 5_000);
  return promptUid;
}

const crowdAt = (promptUid: PromptUid, bin: number) =>
  new CrowdAtHandler(readModels).execute(new CrowdAt(promptUid, bin, shapeOf(threeWords)));

describe('the prefix sums of a prompt, in the database', () => {
  test('[9] keep a leave at the very end in the last node', async () => {
    const promptUid = await happen([joined(0), left(15, 2)]);
    const nodes = await readModels.query(
      { node: 'integer', total: 'bigint' },
      'select node, total from read.prefix_sums where prompt_uid = $1 order by node',
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
    const property = fc.asyncProperty(crowds, async ({ durationSeconds, events }) => {
      const promptUid = await happen(events);
      for (let bin = 0; bin < binsOf(durationSeconds); bin += 1) {
        const isUpToBin = ({ promptTime }: { promptTime: number }) => binOf(promptTime, durationSeconds) <= bin;
        const { users, likes } = countUpTo(events, isUpToBin);
        expect(await crowdAt(promptUid, bin)).toMatchObject({ users, likes });
      }
      const counts = await new EventCountsHandler(readModels).execute(new EventCounts(promptUid));
      for (const { bucket, total } of counts) {
        expect(total).toBe(countUpTo(events, ({ promptTime }) => bucketOf(promptTime) === bucket).total);
      }
      const all = counts.reduce((sum, { total }) => sum + total, 0);
      expect(all).toBe(countUpTo(events, () => true).total);
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
