import { describe, expect, test } from '@jest/globals';
import { judge, type Violation } from './judge.js';
import { ours, type Protocol } from './protocol.js';
import { runSchedule } from './schedule.js';
import { controls, variants } from './variants.js';

describe('schedules on the model', () => {
  test('repeat exactly under the same seed', () => {
    expect(runSchedule(ours, 7).turns).toEqual(runSchedule(ours, 7).turns);
    expect(runSchedule(ours, 7).turns).not.toEqual(runSchedule(ours, 8).turns);
  });

  test.each([ours, ...controls].map((protocol) => [protocol.name, protocol] as const))(
    'find nothing wrong with a sound protocol: %s',
    (_, protocol) => {
      expect([...violationsOf(protocol, 500)]).toEqual([]);
    },
  );

  test.each([
    ['no lock', 'lost'],
    ['sequence positions', 'lost'],
    ['order by transaction id, cursor on position', 'doubled'],
    ['order by transaction id, cursor on both', 'reordered'],
    ['fence after read', 'lost'],
    ['fence in the reading statement', 'lost'],
    ['gap stepped over after a while', 'lost'],
    ['lock released before commit', 'lost'],
    ['version checked before the lock', 'overwritten'],
    ['command ledger outside the transaction', 'doubled'],
    ['checkpoint outside the transaction', 'doubled'],
    ['checkpoint before the rows', 'lost'],
    ['take-over without an epoch', 'doubled'],
  ] as const)('see what is wrong with a weak one: %s is %s', (name, kind) => {
    const weak = variants.find((variant) => variant.name === name);
    if (weak === undefined) throw new Error(`${name} is no variant.`);
    expect(sees(kind, weak)).toBe(true);
  });
});

function* violationsOf(protocol: Protocol, schedules: number): Generator<Violation, undefined> {
  for (let seed = 0; seed < schedules; seed += 1) yield* judge(runSchedule(protocol, seed).history, protocol);
}

function sees(kind: Violation['kind'], weak: Protocol): boolean {
  for (const violation of violationsOf(weak, 2_000)) if (violation.kind === kind) return true;
  return false;
}
