import type { ExpectedVersion } from './event-store.js';

/** Somebody else wrote to the stream first. Reload, decide again. */
export class VersionConflict extends Error {
  override readonly name = 'VersionConflict';
  constructor(
    readonly stream: string,
    readonly expected: ExpectedVersion,
    readonly actual: number,
  ) {
    super(`Stream ${stream} is at version ${String(actual)}, not ${String(expected)}.`);
  }
}

/** A command id came back with another payload: the client has a bug, and guessing which one it meant would hide it. */
export class CommandReused extends Error {
  override readonly name = 'CommandReused';
  constructor(readonly commandId: string) {
    super(`Command ${commandId} was already used for something else.`);
  }
}

/** The append is larger than a log should hold. */
export class AppendTooLarge extends Error {
  override readonly name = 'AppendTooLarge';
}

/** More appends are waiting than this process is willing to hold in memory. Nothing was written; try again shortly. */
export class AppendQueueFull extends Error {
  override readonly name = 'AppendQueueFull';
  constructor(readonly queued: number) {
    super(`${String(queued)} appends are already waiting.`);
  }
}

/** The log cannot be reached. Nothing was written; try again shortly. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** The connection broke while the append was under way: it may or may not have been written. A command id makes the retry safe. */
export class AppendOutcomeUnknown extends Error {
  override readonly name = 'AppendOutcomeUnknown';
}

/** The database says that this data cannot be stored. Nothing was written, and trying again will not help: a bug. */
export class AppendRejected extends Error {
  override readonly name = 'AppendRejected';
}
