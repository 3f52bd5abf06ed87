import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that is gone when the work is done, also when Ctrl-C ends it. */
export async function withTemporaryFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'chorus-'));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  const end = (): void => process.exit(130);
  process.once('exit', remove).once('SIGINT', end).once('SIGTERM', end);
  try {
    return await work(folder);
  } finally {
    process.off('exit', remove).off('SIGINT', end).off('SIGTERM', end);
    remove();
  }
}
