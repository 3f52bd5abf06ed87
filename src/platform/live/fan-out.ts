import type { Finding } from '../telemetry/health.js';

/**
 * Messages to whoever listens right now in another process. They are hints: one may be lost, come late or twice, and nobody may
 * depend on one, because the truth is in the log and everybody reads it.
 */
export abstract class FanOut {
  /** False where nobody can hear anything: then nothing need be put into words. */
  abstract readonly reachesOthers: boolean;

  /** Never waits and never fails. */
  abstract publish(channel: string, message: () => string): void;

  /** Hears every channel whose name matches; `*` stands for anything. */
  abstract listen(pattern: string, listener: (message: string) => void): void;

  /** Undefined where nothing can be wrong. */
  abstract health(): Finding | undefined;

  abstract close(): Promise<void>;
}

/** Processes that know nothing of each other find out by asking the log. */
export class NoFanOut extends FanOut {
  readonly reachesOthers = false;

  publish(): void {
    // Nobody hears it.
  }

  listen(): void {
    // Nobody says anything.
  }

  health(): undefined {
    return undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
