import type { DestinationStream, Logger } from 'pino';
import { destination, pino } from 'pino';

export type Log = Logger;

/** Injection token: pino's logger is an interface, not a class. */
export const LOG = Symbol('Log');

/**
 * One line of JSON for each fact.
 *
 * Lines are written asynchronously: under load many of them leave in one system call, and a slow disk or pipe never holds up a
 * request. What that risks, the last lines of a killed process, is bounded by the time of one write; a stop flushes.
 */
export function createLog(
  options: { readonly level: string },
  to: DestinationStream = destination({ fd: 1, sync: false }),
): Log {
  return pino(
    {
      level: options.level,
      base: { pid: process.pid },
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
      serializers: { err: describeError },
      // Nobody should log these. Should somebody, then nobody can read them. Named paths only: a wildcard looks into every
      // field of every line, which takes longer than writing it.
      redact: { paths: secretPaths, censor: '[secret]' },
    },
    to,
  );
}

const secretFields = ['authorization', 'cookie', 'password', 'secret', 'token', 'jwt', 'interactive_prompt_jwt'];
const holders = ['headers', 'body', 'query', 'req.headers', 'request.headers'];
const secretPaths = [
  ...secretFields,
  ...holders.flatMap((holder) => secretFields.map((field) => `${holder}.${field}`)),
];

interface ErrorFacts {
  readonly type: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly code?: unknown;
  readonly cause?: ErrorFacts;
}

/**
 * Only named parts: drivers hang statements, parameters and row values on their errors, and those hold what people wrote.
 */
function describeError(error: unknown): ErrorFacts {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    ...('code' in error ? { code: error.code } : {}),
    ...(error.cause instanceof Error ? { cause: describeError(error.cause) } : {}),
  };
}
