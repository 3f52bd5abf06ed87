import { verifyBackup } from '../platform/backing-up/read-backup.js';
import { restoreBackup } from '../platform/backing-up/restore-backup.js';
import type { Config } from '../platform/config/config.js';
import { rowsSoFar } from './backup-take.js';
import type { Printing } from './environment.js';
import { mayGoOn } from './go-on.js';
import { withDatabase } from './open-database.js';
import { printJson, printLine, say } from './output.js';

export interface RestoringOrder extends Printing {
  readonly upTo?: bigint | Date;
  readonly logOnly?: boolean;
  readonly yes?: boolean;
}

export async function restore(config: Config, file: string, order: RestoringOrder): Promise<void> {
  const { upTo, logOnly = false, yes, json } = order;
  const { head } = await verifyBackup(file);
  say(`${file} was made at ${head.made_at}; its log ends at position ${head.position}.`);
  if (upTo !== undefined)
    say(`What happened after ${upTo instanceof Date ? upTo.toISOString() : String(upTo)} is left out.`);
  if (logOnly) say('Only the log is restored: if a program is started on it, processes react to all of it again.');
  if (!(await mayGoOn(yes))) return;
  const progress = rowsSoFar('Restored');
  const { position, rows } = await withDatabase(config, async (database) => {
    const restored = await restoreBackup(database, {
      ...{ file, logOnly, onRows: progress.add },
      ...(upTo !== undefined && { upTo }),
    });
    progress.end();
    // What this program has changed about the tables since the backup was taken.
    await database.migrate();
    return restored;
  });
  if (json === true) printJson({ position: Number(position), rows: { ...rows } });
  else printLine(`The log ends at position ${String(position)}. Read models are built when a program starts.`);
}
