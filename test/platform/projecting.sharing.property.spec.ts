import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { shareOut } from '../../src/platform/leasing/sharing.js';

/**
 * Many workers on one table of leases. In each round every worker looks, in any order, and does what `shareOut` says; the
 * table gives a free lease to whoever comes first, as the database does.
 */
class Crowd {
  private readonly owners = new Map<string, number>();

  constructor(private readonly wants: readonly (readonly string[])[]) {}

  round(order: readonly number[]): number {
    let moves = 0;
    for (const worker of order) moves += this.look(worker);
    return moves;
  }

  holdings(): readonly number[] {
    return this.wants.map((_, worker) => this.mine(worker).length);
  }

  unheld(): readonly string[] {
    return [...new Set(this.wants.flat())].filter((name) => !this.owners.has(name));
  }

  private look(worker: number): number {
    const wants = this.wants[worker] ?? [];
    const others = this.wants.flatMap((theirs, other) =>
      other === worker ? [] : [{ wants: theirs, holds: this.mine(other).length }],
    );
    const free = wants.filter((name) => !this.owners.has(name));
    const { take, give } = shareOut({ wants, mine: this.mine(worker), free, others });
    for (const name of take) this.owners.set(name, worker);
    for (const name of give) this.owners.delete(name);
    return take.length + give.length;
  }

  private mine(worker: number): readonly string[] {
    return [...this.owners].flatMap(([name, owner]) => (owner === worker ? [name] : []));
  }
}

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const orders = fc.infiniteStream(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }));

describe('sharing leases out', () => {
  test('comes to rest with everything held and no worker two ahead of another, when all want the same', () => {
    fc.assert(
      fc.property(fc.subarray(names, { minLength: 1 }), orders, (wants, rounds) => {
        const crowd = new Crowd([wants, wants, wants, wants]);
        settle(crowd, rounds);
        expect(crowd.unheld()).toEqual([]);
        const holdings = crowd.holdings();
        expect(Math.max(...holdings) - Math.min(...holdings)).toBeLessThan(2);
      }),
    );
  });

  test('comes to rest with everything held, when programs of different versions want different things', () => {
    const wants = fc.tuple(fc.subarray(names), fc.subarray(names), fc.subarray(names), fc.subarray(names));
    fc.assert(
      fc.property(wants, orders, (all, rounds) => {
        const crowd = new Crowd(all);
        settle(crowd, rounds);
        expect(crowd.unheld()).toEqual([]);
      }),
    );
  });

  test('gives everything to a worker that is alone', () => {
    expect(shareOut({ wants: names, mine: [], free: names, others: [] })).toEqual({ take: names, give: [] });
  });

  test('hands over to a newcomer what makes it even, and no more', () => {
    const others = [{ wants: names, holds: 0 }];
    expect(shareOut({ wants: names, mine: names, free: [], others }).give).toHaveLength(3);
    expect(shareOut({ wants: ['a'], mine: ['a'], free: [], others: [{ wants: ['a'], holds: 0 }] }).give).toEqual([]);
  });
});

/** It must come to rest, not only be even for a moment. */
function settle(crowd: Crowd, rounds: Iterable<readonly number[]>): void {
  let at = 0;
  for (const order of rounds) {
    if (crowd.round(order) === 0) return;
    at += 1;
    if (at > 40) throw new Error('The leases never come to rest.');
  }
}
