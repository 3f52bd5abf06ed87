import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

/** A UUID of version 7: it begins with the time, so that ids made near each other lie near each other in an index. */
export function timeOrderedUuid(): string {
  return v7({ random: randomBytes16() });
}

export function timeOrderedBytes(): Uint8Array {
  return v7({ random: randomBytes16() }, new Uint8Array(16));
}

/** Asking the system for randomness costs the same for sixteen bytes and for four thousand. */
const pool = new Uint8Array(4_096);
let used = pool.length;

function randomBytes16(): Uint8Array {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 16;
  return pool.subarray(used - 16, used);
}
