import { accessSync, constants, existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { CannotStart } from '../config/cannot-start.js';
import { codeOf } from './error-code.js';

/**
 * A lock file that the operating system releases when its holder dies, however it dies.
 *
 * Node has no flock. A file with a process id in it has to be judged by the next process (is that id alive, is it still the
 * same program?) and two judges can both find it stale. SQLite, which Node carries, takes a real lock of the kernel on the
 * file it opens: nothing to judge, nothing left behind by SIGKILL or a power cut.
 */
export class FolderLock {
  private constructor(private readonly file: DatabaseSync) {}

  /** Undefined when somebody else still holds it after `waitMs`. */
  static async take(path: string, waitMs = 0): Promise<FolderLock | undefined> {
    const giveUpAt = performance.now() + waitMs;
    for (;;) {
      const lock = FolderLock.tryTake(path);
      if (lock !== undefined || performance.now() >= giveUpAt) return lock;
      await sleep(25);
    }
  }

  release(): void {
    if (this.file.isOpen) this.file.close();
  }

  private static tryTake(path: string): FolderLock | undefined {
    refuseForeign(path);
    const file = new DatabaseSync(path, { timeout: 0 });
    try {
      file.exec('begin exclusive');
      return new FolderLock(file);
    } catch (error) {
      file.close();
      if (isLocked(error)) return undefined;
      throw error;
    }
  }
}

/** A file that may only be read can be opened, but not locked. */
function refuseForeign(path: string): void {
  try {
    if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    if (codeOf(error) !== 'EACCES') throw error;
    throw new CannotStart(`${path} belongs to another account: start as the account that made it, or as root.`, {
      cause: error,
    });
  }
}

const sqliteBusy = 5;

function isLocked(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errcode' in error && error.errcode === sqliteBusy;
}
