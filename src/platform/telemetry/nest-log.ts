import type { LoggerService } from '@nestjs/common';
import type { Log } from './log.js';

/** What the framework has to say, in the program's own log. Its announcements of every route and module are for debugging. */
export class NestLog implements LoggerService {
  constructor(private readonly to: Log) {}

  log(message: unknown, ...more: unknown[]): void {
    this.write('debug', message, more);
  }
  warn(message: unknown, ...more: unknown[]): void {
    this.write('warn', message, more);
  }
  error(message: unknown, ...more: unknown[]): void {
    this.write('error', message, more);
  }
  fatal(message: unknown, ...more: unknown[]): void {
    this.write('fatal', message, more);
  }
  debug(message: unknown, ...more: unknown[]): void {
    this.write('debug', message, more);
  }
  verbose(message: unknown, ...more: unknown[]): void {
    this.write('trace', message, more);
  }

  /** Nest passes the speaker's name last, and a stack before it. */
  private write(level: 'fatal' | 'error' | 'warn' | 'debug' | 'trace', message: unknown, more: unknown[]): void {
    const part = more.at(-1);
    const stack = more.length > 1 ? more.at(-2) : undefined;
    if (message instanceof Error) this.to[level]({ err: message, part }, 'framework');
    else this.to[level]({ part, stack }, String(message));
  }
}
