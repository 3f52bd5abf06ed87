/**
 * How one watcher's clock, window and bandwidth are reckoned. Server time is in seconds of a clock that only goes forward.
 *
 * A watcher's prompt time runs beside the server's clock, so it is that clock plus an `offset`. Seen from an event it is the same:
 * its `drift` is its prompt time minus the moment when it came. It lies in the window exactly if its drift is near the offset, and
 * that stays so for ever.
 */
export interface ClockSync {
  /** Server time when the watcher was asked. */
  readonly asked: number;
  /** The watcher's prompt time when the question arrived. */
  readonly received: number;
}

/**
 * With this offset, server time is what the watcher's clock will show when a packet that is sent now arrives. The question took
 * as long to arrive as the packet will, so nothing has to be added for the way.
 */
export function clockOffset({ asked, received }: ClockSync): number {
  return received - asked;
}

export interface WatchWindow {
  readonly offset: number;
  readonly lookback: number;
  readonly lookahead: number;
}

/** Both ends belong to the window, also where they are reached by sums of doubles. */
const roundingSeconds = 1e-6;

export function earliestDrift({ offset, lookback }: WatchWindow): number {
  return offset - lookback - roundingSeconds;
}

export function latestDrift({ offset, lookahead }: WatchWindow): number {
  return offset + lookahead + roundingSeconds;
}

export function isInWindow(window: WatchWindow, drift: number): boolean {
  return earliestDrift(window) <= drift && drift <= latestDrift(window);
}

/**
 * As many events as a watcher wants in a second, and as many at once. It is filled again only when an event asks for a token,
 * in whole tokens; the rest of the time counts for the next one.
 */
export class TokenBucket {
  private tokens: number;

  constructor(
    private readonly perSecond: number,
    private filledUntil: number,
  ) {
    this.tokens = perSecond;
  }

  take(now: number): boolean {
    const earned = Math.floor((now - this.filledUntil) * this.perSecond + roundingSeconds);
    if (earned > 0) {
      this.filledUntil += earned / this.perSecond;
      this.tokens = Math.min(this.perSecond, this.tokens + earned);
    }
    if (this.tokens === 0) return false;
    this.tokens -= 1;
    return true;
  }
}
