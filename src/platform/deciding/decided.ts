import type { RecordedEvent } from '../event-store/event-store.js';

/** What a command led to. Whoever answers a client builds the answer from `events`, so a repetition gets the same one. */
export interface Decided {
  /** Reads that wait for this position see the command's effect. */
  readonly position: bigint;
  readonly version: number;
  /** Empty when what was asked was already so. */
  readonly events: readonly RecordedEvent[];
  /** True when the log had carried this command out before. */
  readonly repeated: boolean;
}
