import { Command, InvalidArgumentError } from 'commander';
import { CannotStart } from '../platform/config/cannot-start.js';
import { readConfig } from '../platform/config/config.js';
import { position } from './arguments.js';
import type { Environment, Printing } from './environment.js';
import type { RestoringOrder } from './restore.js';

/** What cannot be made again, in one file. */
export function backupCommand(environment: Environment): Command {
  return new Command('backup')
    .description('Write the log, and what else cannot be made again, to one file. The program may go on meanwhile.')
    .option('--to <path>', 'a file that does not exist yet, or a folder, in which it gets a name of its own')
    .option('--json', 'print one JSON object')
    .action(async ({ to, json }: Printing & { readonly to?: string }) => {
      if (to === undefined) throw new CannotStart('Say where the backup is to go: --to FILE or --to FOLDER.');
      const { backUp } = await import('./backup-take.js');
      await backUp(readConfig(environment), to, json === true);
    })
    .addCommand(
      new Command('verify')
        .description('Read a backup to its end: whether it is whole, and what is in it.')
        .argument('<file>')
        .option('--json', 'print one JSON object')
        .action(async (file: string, _: Printing, command: Command) => {
          const { checkBackup } = await import('./backup-take.js');
          // The option is the parent's, too, and that takes it.
          await checkBackup(file, command.optsWithGlobals<Printing>().json === true);
        }),
    );
}

export function restoreCommand(environment: Environment): Command {
  return new Command('restore')
    .description('Put a backup into a database without anything in it. No program may be running on that. Asks first.')
    .argument('<file>')
    .option(
      '--up-to <position or time>',
      'leave out what happened after this, such as 1200 or 2026-03-01T10:00:00Z',
      moment,
    )
    .option('--log-only', 'only the log, to look at: processes would begin anew')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object')
    .action(async (file: string, order: RestoringOrder) => {
      const { restore } = await import('./restore.js');
      await restore(readConfig(environment), file, order);
    });
}

function moment(text: string): bigint | Date {
  if (/^\d{1,18}$/.test(text)) return position(text);
  const time = new Date(text);
  if (Number.isNaN(time.getTime()) || !/^\d{4}-\d\d-\d\d(T.+)?$/.test(text)) {
    throw new InvalidArgumentError('It must be a position, or a time such as 2026-03-01T10:00:00Z.');
  }
  return time;
}
