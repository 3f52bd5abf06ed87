import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { compareTables } from '../../src/platform/proving/compare.js';
import { inSnapshot } from '../../src/platform/proving/live-build.js';
import type { RebuildStep } from '../../src/platform/rebuilding/task.js';
import type { RebuildState } from '../../src/platform/rebuilding/rebuild.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aGate } from '../support/eventually.js';
import { aWorker, until, type Worker } from './projecting.worker.js';
import { buildStates, caughtUp, ledger, reached, recounted, releases, shown } from './rebuilding.world.js';

let testing: TestDatabase;
let worker: Worker;
let lives: AbortController[];
let running: Promise<void>[];
let epoch: number;

beforeEach(async () => {
  testing = await aDatabase({ connectionsMax: 16 });
  worker = await aWorker(testing.database, { projections: [ledger, releases], rebuilding: false });
  [lives, running, epoch] = [[], [], 0];
  for (const button of ['red', 'blue', 'green']) await worker.press(button, 1, 2, 3);
  await worker.release('red');
  await caughtUp(worker);
  await caughtUp(worker, 'releases');
});

afterEach(async () => {
  for (const life of lives) life.abort();
  await Promise.all(running);
  await worker.stop();
  await testing.close();
});

/** As the next holder of the lease. */
function aRebuilder(
  at: (step: RebuildStep, projection: string) => Promise<void> | void = () => undefined,
): AbortController {
  const life = new AbortController();
  const rebuilder = worker.rebuilderOf({ hooks: { at: (step, { projection }) => at(step, projection) } });
  epoch += 1;
  lives.push(life);
  running.push(rebuilder.run({ epoch, signal: life.signal }));
  return life;
}

const untilSwitched = ['begun', 'page', 'caught_up', 'indexed', 'verified', 'switching', 'committing'] as const;
const untilBack = ['rolling_back', 'committing', 'retiring'] as const;

/** Stops for good the first time it comes to this step; what it was in the middle of is lost, as if it had been killed. */
async function killedAt(step: RebuildStep): Promise<void> {
  let life: AbortController | undefined;
  const killed = new Promise<void>((resolve) => {
    life = aRebuilder((now, projection) => {
      if (now !== step || projection !== 'ledger') return;
      life?.abort();
      resolve();
      throw new Error('killed');
    });
  });
  await killed;
  await running.at(-1);
}

describe('a rebuilder that is killed', () => {
  test.each(untilSwitched)('at %s is continued by the next', async (step) => {
    await worker.orders.rebuild(['ledger', 'releases'], { switches: true });
    await killedAt(step);
    await worker.press('red', 10);
    const { state } = (await worker.rebuilds.of('ledger')) ?? {};
    expect(state).not.toBe('switched');
    aRebuilder();
    await bothReach('switched');
    await worker.press('blue', 100);
    await settled({ ledger_v1: 'previous', releases_v1: 'previous', ledger_v1_2: 'live', releases_v1_2: 'live' });
  });

  test.each(untilBack)('at %s of a rollback is continued by the next', async (step) => {
    await worker.orders.rebuild(['ledger'], { switches: true });
    const first = aRebuilder();
    await reached(worker, 'ledger', 'switched');
    first.abort();
    await Promise.all(running);
    await worker.orders.rollback('ledger');
    await expect(worker.orders.rebuild(['ledger'], { switches: false })).rejects.toThrow(
      'somebody asked for a rollback that is not done yet',
    );
    if (step === 'retiring') {
      const second = aRebuilder();
      await reached(worker, 'ledger', 'rolled_back');
      second.abort();
      await Promise.all(running);
      await worker.orders.retire('ledger');
    }
    await killedAt(step);
    await worker.press('red', 10);
    aRebuilder();
    await reached(worker, 'ledger', 'rolled_back');
    await worker.orders.retire('ledger');
    await until(async () => (await buildStates(testing.database))['ledger_v1_2'] === 'retired');
    await worker.press('blue', 100);
    await settled({ ledger_v1: 'live', releases_v1: 'live', ledger_v1_2: 'retired' });
  });

  test('again and again at every step still comes to the end', async () => {
    await worker.orders.rebuild(['ledger', 'releases'], { switches: true });
    for (const step of untilSwitched) {
      await killedAt(step);
      await worker.press('red', 1);
    }
    aRebuilder();
    await bothReach('switched');
    await settled({ ledger_v1: 'previous', releases_v1: 'previous', ledger_v1_2: 'live', releases_v1_2: 'live' });
  });
});

describe('a rebuilder that is frozen', () => {
  const beforeTransactions = untilSwitched.filter((step) => step !== 'committing');

  test.each(beforeTransactions)('at %s and thaws when another has finished changes nothing', async (step) => {
    const gate = aGate();
    let isFrozen = false;
    await worker.orders.rebuild(['ledger'], { switches: true });
    aRebuilder((now) => {
      if (now !== step) return;
      isFrozen = true;
      return gate.opened;
    });
    await until(() => isFrozen);
    await worker.press('red', 10);
    aRebuilder();
    await reached(worker, 'ledger', 'switched');
    await worker.press('blue', 100);
    const { position: _, ...before } = (await worker.rebuilds.of('ledger')) ?? {};
    gate.open();
    await running[0];
    expect(await worker.rebuilds.of('ledger')).toMatchObject(before);
    await settled({ ledger_v1: 'previous', releases_v1: 'live', ledger_v1_2: 'live' });
  });
});

async function bothReach(state: RebuildState): Promise<void> {
  await reached(worker, 'ledger', state);
  await reached(worker, 'releases', state);
}

/** Everything is as the log says, the live build and the one beside it are equal, and nothing else was left behind. */
async function settled(builds: Readonly<Record<string, string>>): Promise<void> {
  await caughtUp(worker);
  expect(await buildStates(testing.database)).toEqual(builds);
  expect(await shown(testing.database)).toEqual(await recounted(testing.database));
  if (builds['ledger_v1'] !== 'previous') return;
  const head = await worker.store.head();
  await until(async () => {
    const { rowCount } = await testing.database.pool.query(
      `select 1 from projecting.builds where projection = 'ledger' and position = $1 and state <> 'retired'`,
      [head],
    );
    return rowCount === 2;
  });
  const comparison = await inSnapshot(testing.database, (client) =>
    compareTables(
      { client, schema: 'ledger_v1', tables: ledger.tables },
      { client, schema: 'ledger_v1_2', tables: ledger.tables },
      [],
    ),
  );
  expect(comparison).toMatchObject({ equal: true });
}
