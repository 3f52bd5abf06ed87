import type { Finding } from '../telemetry/health.js';

/**
 * Messages to whoever listens right now, in this process or another. They are hints: one may be lost, come late or twice, and
 * nobody may depend on one, because the truth is in the log and everybody reads it.
 */
export abstract class FanOut {
  /** Never waits and never fails. The message is made only if somebody could hear it. */
  abstract publish(channel: string, message: () => string): void;

  /** Hears every channel whose name matches; `*` stands for anything. */
  abstract listen(pattern: string, listener: (message: string) => void): void;

  /** Undefined where nothing can be wrong. */
  abstract health(): Finding | undefined;

  abstract close(): Promise<void>;
}

/** One process is all there is. */
export class InProcessFanOut extends FanOut {
  private readonly listeners: { readonly channels: RegExp; readonly listener: (message: string) => void }[] = [];

  publish(channel: string, message: () => string): void {
    const hearing = this.listeners.filter(({ channels }) => channels.test(channel));
    if (hearing.length === 0) return;
    const text = message();
    for (const { listener } of hearing) listener(text);
  }

  listen(pattern: string, listener: (message: string) => void): void {
    const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    this.listeners.push({ channels: new RegExp(`^${parts.join('.*')}$`), listener });
  }

  health(): undefined {
    return undefined;
  }

  close(): Promise<void> {
    this.listeners.length = 0;
    return Promise.resolve();
  }
}
