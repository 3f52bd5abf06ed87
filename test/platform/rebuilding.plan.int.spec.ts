import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { planOf } from '../../src/platform/rebuilding/plan.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aWorker, presses, type Worker } from './projecting.worker.js';
import { caughtUp, ledger } from './rebuilding.world.js';

let testing: TestDatabase;
let worker: Worker;

beforeEach(async () => {
  testing = await aDatabase();
  worker = await aWorker(testing.database, { projections: [ledger] });
});

afterEach(async () => {
  await worker.stop();
  await testing.close();
});

describe('the plan of a rebuild', () => {
  test('counts a log that is short, and estimates one that is long from a part of it', async () => {
    for (let at = 0; at < 60; at += 1) {
      await worker.press(`b${String(at)}`, ...Array.from({ length: 90 }, () => 1));
      for (let nth = 0; nth < 5; nth += 1) await worker.release(`b${String(at)}`);
    }
    await caughtUp(worker);
    const parts = { database: testing.database, store: worker.store, codec: new EventCodec([presses]) };
    const counted = await planOf(parts, ledger);
    expect(counted.events).toBe(5_400);

    const estimated = await planOf({ ...parts, countedMax: 2_000 }, ledger);
    expect(estimated.events).toBeGreaterThan(4_900);
    expect(estimated.events).toBeLessThan(5_700);
    expect(estimated.bytes / counted.bytes).toBeGreaterThan(0.85);
    expect(estimated.bytes / counted.bytes).toBeLessThan(1.15);
    expect(estimated.disk_bytes).toBe(counted.disk_bytes);
  });
});
