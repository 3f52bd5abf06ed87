/**
 * The code of an error of the operating system or of PostgreSQL. Asked by shape, not by class: an error that crossed a realm
 * (a worker, a test's sandbox) is no instance of our Error.
 */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Somebody held a lock for longer than `lock_timeout`. */
export const lockNotAvailable = '55P03';
