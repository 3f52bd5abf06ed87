import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { JourneyViews, JourneyViewsHandler, journeyViews } from '../../projections/journeys/journey-views.js';
import { OldLinksOf, OldLinksOfHandler, oldJourneyLinks } from '../../projections/journeys/old-journey-links.js';
import { promptSessionEvents, type PromptSessionEvent } from '../../src/interactive-prompts/prompt-session.js';
import { journeyEvents, type JourneyEvent } from '../../src/journeys/journey.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { at, joined, promptNo } from '../interactive-prompts/stays.js';
import { aWorker, type Worker } from '../platform/projecting.worker.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { created, journeyNo, linkNo, replaced } from './journey-examples.js';

let testing: TestDatabase;
let worker: Worker;
let readModels: ReadModels;

beforeAll(async () => {
  testing = await aDatabase();
  const codec = new EventCodec([journeyEvents, promptSessionEvents]);
  worker = await aWorker(testing.database, { projections: [journeyViews, oldJourneyLinks], codec });
  readModels = new ReadModels(testing.database);
});

afterAll(async () => {
  await worker.stop();
  await testing.close();
});

type Happened = JourneyEvent | PromptSessionEvent;

async function happen(events: readonly Happened[]): Promise<void> {
  let position = 0n;
  for (const event of events) {
    const writes = [{ stream: 'journey-of-tests', expected: 'any', events: [event] }] as const;
    ({ position } = await worker.store.append({ writes, metadata: { correlationId: 'test' } }));
  }
  for (const name of ['journey_views', 'old_journey_links']) await worker.progress.waitFor(name, position, 5_000);
}

const viewsOf = (n: number) => new JourneyViewsHandler(readModels).execute(new JourneyViews(journeyNo(n)));
const linksOf = (n: number) => new OldLinksOfHandler(readModels).execute(new OldLinksOf(journeyNo(n)));
const join = (n: number) => ({ ...joined(0), promptUid: promptNo(n) });

describe('the views of a journey', () => {
  test('are not there for a journey that is not', async () => {
    expect(await viewsOf(404)).toBeUndefined();
    expect(await linksOf(404)).toEqual([]);
  });

  test('are the joins of its current prompt and of all former ones, in whatever order they came', async () => {
    let journeys = 0;
    const property = fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 12 }), async (steps) => {
      const n = (journeys += 1);
      const promptOf = (version: number) => n * 1_000 + version;
      const journeyUid = journeyNo(n);
      let asked = 1;
      const events: Happened[] = [{ ...created, journeyUid, promptUid: promptNo(promptOf(1)) }];
      for (const step of steps) {
        if (step > 0) {
          // Somebody may still join a prompt that was replaced meanwhile.
          events.push(join(promptOf(Math.max(1, asked - step + 1))));
          continue;
        }
        events.push({ ...replaced(promptOf(asked + 1)), journeyUid });
        asked += 1;
      }
      await happen([...events, join(n * 1_000 + 999)]);
      expect(await viewsOf(n)).toBe(steps.filter((step) => step > 0).length);
      const links = await linksOf(n);
      expect(links.map((link) => link.prompt_uid)).toEqual(
        Array.from({ length: asked - 1 }, (_, before) => promptNo(promptOf(before + 1))),
      );
    });
    await fc.assert(property, { numRuns: 12 });
  });

  test('come with links that say when a prompt was detached', async () => {
    await happen([{ ...replaced(77, { former: 76 }), journeyUid: journeyNo(7_700) }]);
    expect(await linksOf(7_700)).toEqual([{ link_uid: linkNo(77), prompt_uid: promptNo(76), detached_at: at(77) }]);
  });
});
