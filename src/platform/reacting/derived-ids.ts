import { v5 } from 'uuid';

// Part of every id that was ever derived, so it never changes.
const namespace = '6f1d2f0e-6c0b-5d0e-9b58-3c1f6a0b7d21';

/** The id of what a process does about an event, the same however often it does it. */
export function derivedCommandId(process: string, eventId: string, step: number): string {
  return v5(JSON.stringify([process, eventId, step]), namespace);
}
