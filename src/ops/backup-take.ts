import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { verifyBackup } from '../platform/backing-up/read-backup.js';
import { takeBackup, type Taken } from '../platform/backing-up/take-backup.js';
import { CannotStart } from '../platform/config/cannot-start.js';
import type { Config } from '../platform/config/config.js';
import { withMigratedDatabase } from './open-database.js';
import { printJson, printLine, say } from './output.js';
import { ProgressLine } from './progress-line.js';

export async function backUp(config: Config, to: string, json: boolean): Promise<void> {
  const file = fileFor(to);
  const progress = rowsSoFar('Written');
  const taken = await withMigratedDatabase(config, (database) => takeBackup(database, file, progress.add));
  progress.end();
  tell(file, taken, json);
  say(
    config.DATABASE_URL === undefined
      ? `The secrets of this installation are not in it: keep ${join(config.CHORUS_DATA, 'secrets.json')} elsewhere, too.`
      : 'Secrets are not in it: keep those of your environment elsewhere, too.',
  );
}

export async function checkBackup(file: string, json: boolean): Promise<void> {
  tell(file, await verifyBackup(file), json);
}

function tell(file: string, { head, rows }: Taken, json: boolean): void {
  if (json) {
    const { made_at, position, last_event } = head;
    printJson({ file, bytes: statSync(file).size, made_at, position: Number(position), last_event, rows: { ...rows } });
    return;
  }
  printLine(`${file} is whole: ${statSync(file).size.toLocaleString('en')} bytes, made at ${head.made_at}.`);
  printLine(`The log ends at position ${head.position} in it.`);
  for (const [table, count] of Object.entries(rows))
    printLine(`  ${table.padEnd(24)} ${count.toLocaleString('en')} rows`);
}

/** A name that sorts by time, for whoever makes one every night. */
function fileFor(to: string): string {
  const isFolder = to.endsWith('/') || (existsSync(to) && statSync(to).isDirectory());
  if (isFolder) mkdirSync(to, { recursive: true });
  const name = `chorus-${new Date().toISOString().replaceAll(':', '-').slice(0, 19)}.backup`;
  const file = isFolder ? join(to, name) : to;
  if (existsSync(file)) throw new CannotStart(`${file} exists already: choose another name.`);
  return file;
}

export function rowsSoFar(done: string): {
  readonly add: (rows: number, table: string) => void;
  readonly end: () => void;
} {
  const line = new ProgressLine();
  const startedAt = performance.now();
  let total = 0;
  return {
    add: (rows, table) => {
      total += rows;
      const perS = Math.round(total / ((performance.now() - startedAt) / 1_000));
      line.show(() => `${done}: ${total.toLocaleString('en')} rows, ${perS.toLocaleString('en')} a second (${table})`);
    },
    end: () => {
      line.end();
    },
  };
}
