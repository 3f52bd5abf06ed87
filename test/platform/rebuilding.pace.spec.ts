import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { Pace } from '../../src/platform/rebuilding/pace.js';

const never = new AbortController().signal;
const workMs = 80;

/** Works and rests as a replay does, until the pace has looked at the log twice. Answers how long the last rest was. */
async function paged(pace: Pace, eventsPerS: number | null = null): Promise<number> {
  let restedMs = 0;
  for (let page = 0; page < 5; page += 1) {
    await sleep(workMs);
    const startedAt = performance.now();
    await pace.rest(10, eventsPerS, never);
    restedMs = performance.now() - startedAt;
  }
  return restedMs;
}

const quietLog = { head: () => Promise.resolve(1_000n) };

function busyLog(): { head: () => Promise<bigint> } {
  let head = 0n;
  return { head: () => Promise.resolve((head += 10n)) };
}

describe('the pace of a rebuild', () => {
  test('is short strides until it knows whether anybody is there', () => {
    expect(new Pace(quietLog).eventsMax()).toBeLessThanOrEqual(2_000);
  });

  test('is whole pages without a rest while nobody adds to the log', async () => {
    const pace = new Pace(quietLog);
    expect(await paged(pace)).toBeLessThan(workMs / 2);
    expect(pace.eventsMax()).toBe(10_000);
  });

  test('is strides that get shorter when they take long, each with as long a rest, while somebody does', async () => {
    const pace = new Pace(busyLog());
    const before = pace.eventsMax();
    expect(await paged(pace)).toBeGreaterThanOrEqual(workMs * 0.9);
    expect(pace.eventsMax()).toBeLessThan(before);
    expect(pace.eventsMax()).toBeGreaterThanOrEqual(100);
  });

  test('is never above what the operator allows', async () => {
    const allowed = paged(new Pace(quietLog), 100);
    // Ten events in a tenth of a second, of which the work took a part.
    expect(await allowed).toBeGreaterThanOrEqual((100 - workMs) * 0.5);
  });
});
