import { codeOf } from './error-code.js';

/**
 * Whether a failed statement says nothing about the statement: the server could not be reached, is going away, or has no
 * room just now. TypeORM and our own errors wrap what the driver threw, so the causes are looked at too.
 */
export function isOutage(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < causesMax; at = wrappedBy(at), depth += 1) {
    const code = codeOf(at);
    if (code === undefined ? driverWords.test(at.message) : outageCodes.test(code)) return true;
  }
  return false;
}

const causesMax = 5;

/** SQLSTATE classes: connection, operator intervention, resources. And what the operating system calls an unreachable host. */
const outageCodes = /^(08\w{3}|57P\d\d|53\w{3}|ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;

/** The driver's own complaints have no code. */
const driverWords =
  /^(Connection terminated|timeout e(xceeded|xpired)|Client (has encountered a connection error|was closed)|Cannot use a pool after)/;

function wrappedBy(error: Error): unknown {
  return error.cause ?? ('driverError' in error ? error.driverError : undefined);
}
