import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { projection, type Projection } from '../../src/platform/projecting/projection.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { aWorker, type presses, until, type Worker, type WorkerOptions } from './projecting.worker.js';
import {
  buildStates,
  caughtUp,
  ledger,
  mistaken,
  problemOf,
  reached,
  recounted,
  releases,
  shown,
} from './rebuilding.world.js';

let testing: TestDatabase;
let workers: Worker[];

beforeEach(async () => {
  testing = await aDatabase({ connectionsMax: 14 });
  workers = [];
});

afterEach(async () => {
  for (const worker of workers) await worker.stop();
  await testing.close();
});

async function deployed(projections: readonly Projection[], options: WorkerOptions = {}): Promise<Worker> {
  const worker = await aWorker(testing.database, { projections, ...options });
  workers.push(worker);
  return worker;
}

async function redeployed(projections: readonly Projection[], options: WorkerOptions = {}): Promise<Worker> {
  for (const worker of workers) await worker.stop();
  workers = [];
  return deployed(projections, options);
}

async function pressed(worker: Worker): Promise<void> {
  for (const button of ['red', 'blue', 'green']) await worker.press(button, 1, 2, 3);
  await worker.release('red');
  await caughtUp(worker);
}

describe('a rebuild', () => {
  test('makes another build, proves it, switches to it, takes it back, and ends', async () => {
    const news: string[] = [];
    const rebuilding = { onNews: ({ state }: { readonly state: string }) => void news.push(state) };
    const worker = await deployed([ledger], { rebuilding });
    await pressed(worker);
    const [asked] = await worker.orders.rebuild(['ledger'], { switches: false });
    expect(asked).toMatchObject({ projection: 'ledger', state: 'planned', reason: 'asked' });
    await reached(worker, 'ledger', 'ready');
    const ready = await worker.rebuilds.of('ledger');
    expect(ready).toMatchObject({ plan: { events: 9 }, events: 9, report: { equal: true } });
    expect(ready?.report?.tables.map(({ table, rows_after: rows }) => [table, rows])).toEqual([
      ['ledger_buttons', 3],
      ['ledger_totals', 1],
    ]);
    expect(await buildStates(testing.database)).toEqual({ ledger_v1: 'live', ledger_v1_2: 'building' });

    await worker.press('red', 100);
    await caughtUp(worker);
    await worker.orders.switch('ledger');
    await reached(worker, 'ledger', 'switched');
    expect(await buildStates(testing.database)).toEqual({ ledger_v1: 'previous', ledger_v1_2: 'live' });
    expect(await shown(testing.database)).toEqual(await recounted(testing.database));

    await worker.press('red', 1_000);
    await caughtUp(worker);
    expect(await shown(testing.database)).toMatchObject({ red: 1_106 });
    await until(async () => (await shown(testing.database, 'ledger_v1'))['red'] === 1_106);

    await worker.orders.rollback('ledger');
    await reached(worker, 'ledger', 'rolled_back');
    expect(await buildStates(testing.database)).toEqual({ ledger_v1: 'live', ledger_v1_2: 'previous' });
    await worker.press('blue', 10_000);
    await caughtUp(worker);
    expect(await shown(testing.database)).toEqual(await recounted(testing.database));
    await until(async () => (await shown(testing.database, 'ledger_v1_2'))['blue'] === 10_006);

    await worker.orders.retire('ledger');
    await until(async () => (await buildStates(testing.database))['ledger_v1_2'] === 'retired');
    expect(await schemas()).toEqual(['ledger_v1']);
    await worker.press('green', 1);
    await caughtUp(worker);
    expect(await shown(testing.database)).toEqual(await recounted(testing.database));
    expect(worker.failures).toEqual([]);
    await until(() => Promise.resolve(news.at(-1) === 'rolled_back'));
    expect(news.filter((state) => ['ready', 'switched'].includes(state))).toEqual(['ready', 'switched']);
  });

  test('drops the previous build when the grace time is over', async () => {
    const worker = await deployed([ledger], { rebuilding: { graceMs: 0 } });
    await pressed(worker);
    await worker.orders.rebuild(['ledger'], { switches: true });
    await reached(worker, 'ledger', 'retired');
    expect(await schemas()).toEqual(['ledger_v1_2']);
    expect(await shown(testing.database)).toEqual(await recounted(testing.database));
    await expect(worker.orders.rollback('ledger')).rejects.toThrow('no previous build to go back to');
  });

  test('has the secondary indexes of its tables, and only after the rows', async () => {
    const worker = await deployed([ledger]);
    await pressed(worker);
    await worker.orders.rebuild(['ledger'], { switches: false });
    await reached(worker, 'ledger', 'ready');
    const { rows } = await testing.database.pool.query(
      `select indexname from pg_indexes where schemaname = 'ledger_v1_2' and indexname not like '%pkey' order by 1`,
    );
    expect(rows).toEqual([{ indexname: 'ledger_buttons_1' }, { indexname: 'ledger_buttons_2' }]);
  });

  test('that is aborted leaves nothing behind, and another may begin', async () => {
    const worker = await deployed([ledger]);
    await pressed(worker);
    await worker.orders.rebuild(['ledger'], { switches: false });
    await expect(worker.orders.rebuild(['ledger'], { switches: false })).rejects.toThrow('is being rebuilt already');
    await reached(worker, 'ledger', 'ready');
    await worker.orders.abort('ledger');
    await reached(worker, 'ledger', 'aborted');
    expect(await schemas()).toEqual(['ledger_v1']);
    await worker.orders.rebuild(['ledger'], { switches: true });
    await reached(worker, 'ledger', 'switched');
    expect(await shown(testing.database)).toEqual(await recounted(testing.database));
  });

  test('whose proof was written by another version of the program is proven again before readers see it', async () => {
    const worker = await deployed([ledger]);
    await pressed(worker);
    await worker.orders.rebuild(['ledger'], { switches: false });
    await reached(worker, 'ledger', 'ready');
    await testing.database.pool.query(`update projecting.rebuilds set plan = '{}', report = '{"equal": true}'`);
    expect(await worker.rebuilds.of('ledger')).toMatchObject({ state: 'ready', plan: null, report: null });
    await worker.orders.switch('ledger');
    await reached(worker, 'ledger', 'switched');
    expect(await worker.rebuilds.of('ledger')).toMatchObject({ report: { equal: true, position: expect.any(Number) } });
  });

  test('of several projections reads the log once for all of them', async () => {
    const worker = await deployed([ledger, releases]);
    await pressed(worker);
    await caughtUp(worker, 'releases');
    const order = { switches: true, expected: ['ledger_totals.presses', 'releases:+rows'] };
    const asked = await worker.orders.rebuild(['ledger', 'releases'], order);
    expect(asked.map(({ expected }) => expected)).toEqual([['ledger_totals.presses'], ['releases:+rows']]);
    expect(new Set(asked.map(({ pass }) => pass)).size).toBe(1);
    await reached(worker, 'ledger', 'switched');
    await reached(worker, 'releases', 'switched');
    const { rows } = await testing.database.pool.query('select button, presses from read.releases');
    expect(rows).toEqual([{ button: 'red', presses: 1 }]);
    expect(await shown(testing.database)).toEqual(await recounted(testing.database));
  });

  test('of a projection that nobody knows, or that is not being rebuilt, is refused in a sentence', async () => {
    const worker = await deployed([ledger]);
    await expect(worker.orders.rebuild(['legder'], { switches: false })).rejects.toThrow(
      'There is no projection legder; there are ledger.',
    );
    await expect(worker.orders.switch('ledger')).rejects.toThrow('ledger is not being rebuilt.');
    await expect(worker.orders.retire('ledger')).rejects.toThrow('no previous build that could be dropped');
  });

  test('goes no faster than it is allowed to', async () => {
    const worker = await deployed([ledger]);
    await pressed(worker);
    const startedAt = performance.now();
    await worker.orders.rebuild(['ledger'], { switches: false, throttle: 9 });
    await reached(worker, 'ledger', 'ready');
    expect(performance.now() - startedAt).toBeGreaterThan(900);
  });
});

describe('a fold that was changed', () => {
  test('is not shown to readers when its rows differ, and the rows are named', async () => {
    await pressed(await deployed([ledger]));
    const worker = await redeployed([mistaken]);
    await worker.orders.rebuild(['ledger'], { switches: true });
    expect(await problemOf(worker, 'ledger')).toBe(
      'At position 10 the new build is not the live one. ledger_buttons differs in 1 row: {"button":"blue"} changed (presses 6 -> 0), last touched by Pressed at 6.',
    );
    const stopped = await worker.rebuilds.of('ledger');
    expect(stopped).toMatchObject({ state: 'verifying', report: { equal: false } });
    expect(stopped?.report?.tables[0]?.differences).toEqual([
      {
        table: 'ledger_buttons',
        key: { button: 'blue' },
        kind: 'changed',
        columns: { presses: { before: 6, after: 0 } },
        events: [touched(6, 'left as it was'), touched(5, 'left as it was'), touched(4, 'created')],
        events_total: 3,
      },
    ]);
    expect(await shown(testing.database)).toMatchObject({ blue: 6 });

    await worker.orders.switch('ledger', ['ledger_totals.presses']);
    expect(await problemOf(worker, 'ledger')).toContain('ledger_buttons differs in 1 row');
    await expect(worker.orders.switch('ledger', ['ledger_buttons.colour'])).rejects.toThrow(
      'the table has no column colour',
    );
    expect(await worker.rebuilds.of('ledger')).toMatchObject({ expected: ['ledger_totals.presses'] });
  });

  test('is shown when somebody has named the difference', async () => {
    await pressed(await deployed([ledger]));
    const worker = await redeployed([mistaken]);
    await worker.orders.rebuild(['ledger'], { switches: false });
    await problemOf(worker, 'ledger');
    await worker.orders.switch('ledger', ['ledger_buttons.presses']);
    await reached(worker, 'ledger', 'switched');
    expect(await shown(testing.database)).toMatchObject({ blue: 0, red: 6 });
    await worker.orders.rollback('ledger');
    await reached(worker, 'ledger', 'rolled_back');
    expect(await shown(testing.database)).toMatchObject({ blue: 6, red: 6 });
  });

  test('whose rows are equal by now is let through when it is compared again', async () => {
    const worker = await deployed([ledger]);
    await pressed(worker);
    await testing.database.pool.query(`update ledger_v1.ledger_buttons set presses = 7 where button = 'red'`);
    await worker.orders.rebuild(['ledger'], { switches: false });
    expect(await problemOf(worker, 'ledger')).toContain('{"button":"red"} changed (presses 7 -> 6)');
    await testing.database.pool.query(`update ledger_v1.ledger_buttons set presses = 6 where button = 'red'`);
    await worker.orders.verify('ledger');
    await reached(worker, 'ledger', 'ready');
  });
});

describe('an order that is given while the builds are compared', () => {
  /** Gives it just before the rebuilder says what came of the comparison with this number. */
  async function during(
    comparison: number,
    fold: Projection,
    order: (worker: Worker) => Promise<unknown>,
  ): Promise<Worker> {
    await pressed(await deployed([ledger]));
    let compared = 0;
    const at = async (step: string): Promise<void> => {
      if (step === 'verified') compared += 1;
      if (step === 'verified' && compared === comparison) await order(worker);
    };
    const worker = await redeployed([fold], { rebuilding: { hooks: { at } } });
    await worker.orders.rebuild(['ledger'], { switches: false });
    return worker;
  }

  test('is carried out although the rows differ', async () => {
    const worker = await during(1, mistaken, ({ orders }) => orders.abort('ledger'));
    await reached(worker, 'ledger', 'aborted');
    expect(await buildStates(testing.database)).toEqual({ ledger_v1: 'live', ledger_v1_2: 'retired' });
  });

  test('is carried out with the differences that it names', async () => {
    const named = ['ledger_buttons.presses'];
    const worker = await during(1, mistaken, ({ orders }) => orders.switch('ledger', named));
    await reached(worker, 'ledger', 'switched');
    expect(await shown(testing.database)).toMatchObject({ blue: 0, red: 6 });
  });

  test('is carried out although they were to be compared only', async () => {
    const worker = await during(2, ledger, ({ orders }) => orders.abort('ledger'));
    await reached(worker, 'ledger', 'ready');
    await worker.orders.verify('ledger');
    await reached(worker, 'ledger', 'aborted');
  });
});

describe('an event that cannot be applied', () => {
  const unfortunate = projection<typeof presses>()({
    ...ledger,
    when: {
      Pressed: (event, rows, recorded) => {
        if (event.button === 'green') throw new RangeError('not this one');
        ledger.when.Pressed?.(event, rows, recorded);
      },
    },
  });

  test('stops the rebuild, which says where it stands, and goes on when it is resumed', async () => {
    await pressed(await deployed([ledger]));
    const worker = await redeployed([unfortunate, releases]);
    await caughtUp(worker, 'releases');
    await worker.orders.rebuild(['ledger', 'releases'], { switches: false });
    expect(await problemOf(worker, 'ledger')).toBe(
      'ledger: the build of version 1 stopped at position 7 (Pressed): RangeError: not this one',
    );
    await reached(worker, 'releases', 'ready');
    const repaired = await redeployed([ledger, releases]);
    await repaired.orders.resume('ledger');
    await reached(repaired, 'ledger', 'ready');
  });

  const decision = { by: 'ada', reason: 'It was a test of the finger.' };

  /** Red has 4 presses and one event that nobody can take, which somebody has decided to do without. */
  async function doneWithout(): Promise<void> {
    const worker = await deployed([ledger]);
    await worker.press('red', 1, -2, 3);
    await caughtUp(worker);
    const [letter] = await worker.letters.list('ledger', 'poisoned');
    expect(await worker.letters.skip(letter?.id ?? '', decision, 5_000)).toBe('skipped');
    await until(async () => (await worker.letters.list('ledger')).length === 0);
    await worker.stop();
    workers = [];
  }

  test('stays out of the new build when somebody decided so, and the decision goes with it', async () => {
    await doneWithout();
    const worker = await deployed([ledger]);
    await worker.orders.rebuild(['ledger'], { switches: true });
    await reached(worker, 'ledger', 'switched');
    await worker.orders.retire('ledger');
    await reached(worker, 'ledger', 'retired');
    expect(await shown(testing.database)).toEqual({ all: 4, red: 4 });
    expect(await worker.letters.list('ledger')).toEqual([]);
    expect(await worker.letters.list('ledger', 'skipped')).toMatchObject([
      { position: 2n, error: 'RangeError', skipBy: decision.by, skipReason: decision.reason, behind: 0 },
    ]);
  });

  test('is not back in secret when the new build can take it', async () => {
    await doneWithout();
    const lenient = projection<typeof presses>()({
      ...ledger,
      when: {
        Pressed: (event, rows, recorded) =>
          ledger.when.Pressed?.({ ...event, times: Math.abs(event.times) }, rows, recorded),
      },
    });
    const worker = await deployed([lenient]);
    await worker.orders.rebuild(['ledger'], { switches: true });
    expect(await problemOf(worker, 'ledger')).toMatch(
      /red.* changed \(presses 4 -> 6\).* does without as a dead letter: the events at 2\.$/,
    );
    expect(await shown(testing.database)).toEqual({ all: 4, red: 4 });
  });

  test('is found when it is PostgreSQL that refuses its rows', async () => {
    const worker = await deployed([ledger]);
    await pressed(worker);
    const gigantic = projection<typeof presses>()({
      ...ledger,
      when: {
        Pressed: (event, rows, recorded) => {
          ledger.when.Pressed?.(event, rows, recorded);
          if (recorded.position === 5n) ledger.when.Pressed?.({ ...event, times: 2 ** 40 }, rows, recorded);
        },
      },
    });
    const next = await redeployed([gigantic]);
    await next.orders.rebuild(['ledger'], { switches: false });
    expect(await problemOf(next, 'ledger')).toMatch(/stopped at position 5 \(Pressed\): PostgreSQL 22003/);
  });
});

describe('a paused projection', () => {
  test('stands still, also for a program that starts meanwhile, until it is resumed', async () => {
    const worker = await deployed([ledger]);
    await pressed(worker);
    await worker.orders.pause('ledger', 'projection');
    const before = await shown(testing.database);
    const position = await worker.press('red', 100);
    expect(await worker.progress.waitFor('ledger', position, 400)).toMatchObject({ reached: false });
    const other = await redeployed([ledger]);
    expect(await other.progress.waitFor('ledger', position, 800)).toMatchObject({ reached: false });
    expect(await shown(testing.database)).toEqual(before);
    expect(await other.lag.report()).toMatchObject([{ isPaused: true, problem: undefined }]);
    await other.orders.resume('ledger');
    expect(await other.progress.waitFor('ledger', position, 4_000)).toMatchObject({ reached: true });
    expect(await shown(testing.database)).toEqual(await recounted(testing.database));
  });
});

async function schemas(): Promise<unknown[]> {
  const { rows } = await testing.database.pool.query<{ name: string }>(
    `select nspname as name from pg_namespace where nspname like 'ledger%' order by 1`,
  );
  return rows.map(({ name }) => name);
}

/** What the mistaken fold makes of an event says where to look: it adds nothing. */
function touched(position: number, effect: string): object {
  return { position, effect, type: 'Pressed', stream: expect.any(String), recorded_at: expect.any(String) };
}
