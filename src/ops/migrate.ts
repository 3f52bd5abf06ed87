import { Command } from 'commander';
import { readConfig } from '../platform/config/config.js';
import type { Environment, Printing } from './environment.js';
import { printJson, printLine } from './output.js';

export function migrateCommand(environment: Environment): Command {
  return new Command('migrate')
    .description('Bring the database up to date. Every start of the program does this, too.')
    .option('--json', 'print one JSON object')
    .action(async ({ json }: Printing) => {
      const { withDatabase } = await import('./open-database.js');
      const applied = await withDatabase(readConfig(environment), (database) => database.migrate());
      if (json === true) printJson({ applied });
      else if (applied.length === 0) printLine('The database was up to date.');
      else for (const name of applied) printLine(`applied ${name}`);
    });
}
