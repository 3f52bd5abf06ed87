import { StreamBusy } from '../deciding/refusals.js';
import { AppendOutcomeUnknown, AppendQueueFull, StoreUnavailable, VersionConflict } from '../event-store/errors.js';
import { TryLater } from './process.js';

export interface Patience {
  /** Pauses between attempts at an event that may itself be the trouble. After the last one it is given up. */
  readonly retryMs: readonly number[];
  /** The longest pause between attempts while something else is the trouble, which never makes an event be given up. */
  readonly outageMsMax: number;
}

/** About a minute. */
export const patience: Patience = {
  retryMs: [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000],
  outageMsMax: 15_000,
};

/** Will pass by itself, and says nothing about the event. */
export function isPassing(error: unknown): boolean {
  return passing.some((kind) => error instanceof kind);
}

const passing = [StoreUnavailable, AppendOutcomeUnknown, AppendQueueFull, StreamBusy, VersionConflict, TryLater];

export function outagePauseMs(attempt: number, { outageMsMax }: Patience): number {
  return Math.min(outageMsMax, 50 * 2 ** attempt);
}
