import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Lanes } from '../../src/platform/reacting/lanes.js';
import { Progress } from '../../src/platform/reacting/progress.js';
import { aGate } from '../support/eventually.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('lanes', () => {
  test('keep each key in order and one at a time, and never run more than may run, whatever takes how long', async () => {
    const task = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), turns: fc.nat(3), pauses: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(task, { maxLength: 30 }), fc.integer({ min: 1, max: 3 }), async (tasks, runningMax) => {
        const lanes = new Lanes(runningMax);
        const busy = new Set<string>();
        const done: number[] = [];
        let running = 0;
        const spend = async (turns: number) => {
          running += 1;
          expect(running).toBeLessThanOrEqual(runningMax);
          for (let spent = 0; spent < turns; spent += 1) await turn();
          running -= 1;
        };
        tasks.forEach(({ key, turns, pauses }, index) => {
          lanes.add(key, async (place) => {
            expect(busy.has(key)).toBe(false);
            busy.add(key);
            await spend(turns);
            if (pauses) await place.pause(turn);
            await spend(turns);
            busy.delete(key);
            done.push(index);
          });
        });
        await lanes.idle();
        expect(done).toHaveLength(tasks.length);
        for (const key of ['a', 'b', 'c', 'd']) {
          const ofKey = done.filter((index) => tasks[index]?.key === key);
          expect(ofKey).toEqual([...ofKey].sort((one, other) => one - other));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('let others run while one pauses', async () => {
    const lanes = new Lanes(1);
    const gate = aGate();
    const seen: string[] = [];
    lanes.add('a', async (place) => {
      await place.pause(() => gate.opened);
      seen.push('a');
    });
    lanes.add('b', async () => {
      seen.push('b');
      gate.open();
    });
    await lanes.idle();
    expect(seen).toEqual(['b', 'a']);
  });
});

describe('progress', () => {
  test('is never past what is unfinished, and ends where everything is finished', () => {
    const ascending = fc
      .uniqueArray(fc.bigInt(1n, 500n), { minLength: 1, maxLength: 60 })
      .map((positions) => positions.sort(byValue));
    fc.assert(
      fc.property(ascending, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (positions, chance) => {
        const progress = new Progress(0n);
        const open = new Map<bigint, () => void>();
        const expected = () => {
          const [oldest] = [...open.keys()].sort(byValue);
          return oldest;
        };
        const finishOne = () => {
          const all = [...open.keys()];
          const position = all[Math.floor(chance.next().value * all.length * 0.999)]!;
          open.get(position)!();
          open.delete(position);
        };
        let before = 0n;
        const check = () => {
          const oldest = expected();
          expect(progress.unfinished).toBe(open.size);
          if (oldest !== undefined) expect(progress.position).toBe(oldest - 1n);
          expect(progress.position).toBeGreaterThanOrEqual(before);
          before = progress.position;
        };
        for (const position of positions) {
          open.set(position, progress.begin(position));
          check();
          while (open.size > 0 && chance.next().value < 0.5) {
            finishOne();
            check();
          }
        }
        progress.passed(1_000n);
        check();
        while (open.size > 0) finishOne();
        expect(progress.position).toBe(1_000n);
        expect(progress.ahead).toBe(0);
      }),
    );
  });

  test('tells when it moved, and gives up waiting at the signal', async () => {
    const progress = new Progress(0n);
    const finish = progress.begin(1n);
    const moved = progress.moved(new AbortController().signal);
    finish();
    await moved;
    const abort = new AbortController();
    const waiting = progress.moved(abort.signal);
    abort.abort();
    await waiting;
    await progress.moved(abort.signal);
  });

  test('stays small however many events it has passed', () => {
    const progress = new Progress(0n);
    const stuck = progress.begin(1n);
    const finish = Array.from({ length: 5_000 }, (_, index) => progress.begin(BigInt(index + 2)));
    for (const each of finish) each();
    expect([progress.ahead, progress.unfinished, progress.position]).toEqual([5_001, 1, 0n]);
    stuck();
    expect([progress.ahead, progress.unfinished, progress.position]).toEqual([0, 0, 5_001n]);
  });
});

function byValue(one: bigint, other: bigint): number {
  return one < other ? -1 : Number(one > other);
}
