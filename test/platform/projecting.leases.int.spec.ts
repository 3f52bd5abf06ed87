import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Leases, type Lease, type LeaseOptions } from '../../src/platform/leasing/lease.js';
import { aDatabase, type TestDatabase } from '../support/a-database.js';
import { until } from './projecting.worker.js';

let testing: TestDatabase;
let opened: Leases[];

beforeEach(async () => {
  testing = await aDatabase({ connectionsMax: 6 });
  opened = [];
});

afterEach(async () => {
  for (const leases of opened) await leases.close();
  await testing.close();
});

const quick = { leaseMs: 600, tickMs: 100 };

function leasesOf(owner: string, options: LeaseOptions = quick, pool = testing.database.pool): Leases {
  const leases = new Leases({ pool }, owner, options);
  opened.push(leases);
  return leases;
}

/** Work that does nothing but note who is at it. */
class Watched {
  readonly epochs: number[] = [];
  working = 0;
  most = 0;
  latest = '';

  readonly run = async ({ epoch, signal }: Lease, owner = ''): Promise<void> => {
    this.latest = owner;
    this.epochs.push(epoch);
    this.working += 1;
    this.most = Math.max(this.most, this.working);
    if (!signal.aborted) await once(signal, 'abort');
    this.working -= 1;
  };
}

describe('a lease', () => {
  test('is held by one of many, and handed over at once by one that stops', async () => {
    const work = new Watched();
    const waiting = new Map<string, Leases>();
    for (const owner of ['one', 'two', 'three']) {
      const leases = leasesOf(owner, { leaseMs: 60_000, tickMs: 50 });
      waiting.set(owner, leases);
      leases.hold('work', (lease) => work.run(lease, owner));
    }
    while (waiting.size > 0) {
      await until(() => work.working === 1 && waiting.has(work.latest));
      // While it closes, the next one may begin.
      const owner = work.latest;
      await waiting.get(owner)?.close();
      waiting.delete(owner);
    }
    expect(work.most).toBe(1);
    expect(work.epochs).toEqual([1, 2, 3]);
  });

  test('stays with its owner as long as it renews', async () => {
    const work = new Watched();
    for (const owner of ['one', 'two']) leasesOf(owner).hold('work', work.run);
    await sleep(quick.leaseMs * 3);
    expect(work.epochs).toEqual([1]);
  });

  test('is taken over, with a higher epoch, from an owner that shows no sign of life', async () => {
    const severed = new pg.Pool({ connectionString: testing.url, max: 1 });
    const [cutOff, alive] = [new Watched(), new Watched()];
    const dead = leasesOf('dead', quick, severed);
    dead.hold('work', cutOff.run);
    await until(() => cutOff.working === 1);
    leasesOf('alive').hold('work', alive.run);
    const gone = await severed.connect();
    const cutAt = performance.now();
    await until(() => alive.working === 1);
    expect(performance.now() - cutAt).toBeLessThan(quick.leaseMs + quick.tickMs * 5);
    expect(alive.epochs).toEqual([2]);
    // It cannot ask the database, and yet it knows that its time is up.
    await until(() => cutOff.working === 0);
    gone.release();
    await sleep(quick.tickMs * 3);
    expect([cutOff.working, alive.working]).toEqual([0, 1]);
    await dead.close();
    await severed.end();
  });

  test('is tried again, more and more rarely, when its work fails', async () => {
    const failures: unknown[] = [];
    const leases = leasesOf('one', { ...quick, onFailure: (name, error) => failures.push([name, error]) });
    const failed = new Error('broken');
    leases.hold('broken', () => Promise.reject(failed));
    await sleep(2_500);
    expect(failures.length).toBeGreaterThan(1);
    expect(failures.length).toBeLessThan(5);
    expect(failures[0]).toEqual(['broken', failed]);
  });

  test('that fails in one program is left to another', async () => {
    const work = new Watched();
    leasesOf('old program').hold('work', () => Promise.reject(new Error('too old')));
    await sleep(50);
    leasesOf('new program').hold('work', work.run);
    await until(() => work.working === 1);
  });

  test('can be given up while the others stay', async () => {
    const [kept, given] = [new Watched(), new Watched()];
    const leases = leasesOf('one');
    leases.hold('kept', kept.run);
    const hold = leases.hold('given', given.run);
    await until(() => kept.working === 1 && given.working === 1);
    await hold.stop();
    await hold.stop();
    expect([kept.working, given.working]).toEqual([1, 0]);
    leases.hold('given', given.run);
    await until(() => given.working === 1);
  });

  test('cannot be held twice in one process, nor after the end', async () => {
    const leases = leasesOf('one');
    const work = new Watched();
    leases.hold('work', work.run);
    expect(() => leases.hold('work', work.run)).toThrow('already held');
    await leases.close();
    expect(() => leases.hold('other', work.run)).toThrow('closed');
  });
});

describe('many leases', () => {
  test('are shared out evenly, also with a worker that comes later', async () => {
    const names = Array.from({ length: 7 }, (_, at) => `work ${String(at)}`);
    const [one, two] = [new Watched(), new Watched()];
    const first = leasesOf('one');
    for (const name of names) first.hold(name, one.run);
    await until(() => one.working === 7);
    const second = leasesOf('two');
    for (const name of names) second.hold(name, two.run);
    await until(() => one.working + two.working === 7 && Math.abs(one.working - two.working) === 1);
    await second.close();
    await until(() => one.working === 7);
  });
});
