import { Command } from 'commander';
import { readConfig } from '../platform/config/config.js';
import { positiveInteger } from './arguments.js';
import type { Environment, Printing } from './environment.js';

/** Everything about data of earlier systems. What a command needs is loaded when it runs. */
export function legacyCommand(environment: Environment): Command {
  return new Command('legacy')
    .description('Bring in what earlier systems have, and compare with it.')
    .addCommand(
      new Command('import')
        .description('Append what a database of an earlier system has.')
        .addCommand(imported(environment)),
    )
    .addCommand(
      new Command('verify').description('Compare with a database that was imported.').addCommand(verified(environment)),
    )
    .addCommand(new Command('example').description('Write a database to try an import on.').addCommand(example()));
}

interface Reporting extends Printing {
  readonly report?: string;
}

function imported(environment: Environment): Command {
  return new Command('journeys')
    .description('Journeys, their sessions and events: imports, waits for the read models, and compares row by row.')
    .argument('<file>', 'a SQLite database of the journey era; it is only read')
    .option('--dry-run', 'read and check everything, and append nothing; needs no database')
    .option('--no-verify', 'import only; "legacy verify journeys" compares later')
    .option('--report <file>', 'where the report goes; absent: into the folder reports of the data folder')
    .option('--json', 'print the report as one JSON object')
    .addHelpText(
      'after',
      `
An import can be stopped and repeated at any time: what is there already is passed over. The exit code is 1 when the
comparison found a difference that has no name.

Examples:
  npm run -s chorus -- legacy example journeys /tmp/old.sqlite --events 20000
  npm run -s chorus -- legacy import journeys /tmp/old.sqlite --dry-run
  npm run -s chorus -- legacy import journeys /tmp/old.sqlite`,
    )
    .action(async (file: string, options: Reporting & { readonly dryRun?: boolean; readonly verify: boolean }) => {
      const { importLegacyJourneys } = await import('./legacy/legacy-journeys.js');
      await importLegacyJourneys(readConfig(environment), file, { ...options, dryRun: options.dryRun === true });
    });
}

function verified(environment: Environment): Command {
  return new Command('journeys')
    .description('Compares journeys, sessions, events, counts, sums and views, row by row. Changes nothing.')
    .argument('<file>', 'the file that was imported')
    .option('--report <file>', 'where the report goes; absent: into the folder reports of the data folder')
    .option('--json', 'print the report as one JSON object')
    .action(async (file: string, options: Reporting) => {
      const { verifyLegacyJourneys } = await import('./legacy/legacy-journeys.js');
      await verifyLegacyJourneys(readConfig(environment), file, options);
    });
}

interface ExampleOptions extends Printing {
  readonly events: number;
  readonly seed: number;
}

function example(): Command {
  return new Command('journeys')
    .description('Writes a database of the journey era, with all that was odd about real ones.')
    .argument('<file>', 'a file that does not exist yet')
    .option('--events <count>', 'about how many events', positiveInteger, 20_000)
    .option('--seed <number>', 'another one is another file', positiveInteger, 1)
    .option('--json', 'print one JSON object')
    .action(async (file: string, { events, seed, json }: ExampleOptions) => {
      const { writeLegacyExample } = await import('./legacy/legacy-example.js');
      const { printJson, printLine } = await import('./output.js');
      const written = writeLegacyExample(file, { events, seed });
      if (json === true) printJson({ file, ...written });
      else {
        printLine(
          `${file}: ${String(written.journeys)} journeys, ${String(written.people)} people, ${String(written.sessions)} sessions, ${String(written.events)} events`,
        );
      }
    });
}
