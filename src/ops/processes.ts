import { Command } from 'commander';
import { readConfig } from '../platform/config/config.js';
import { position } from './arguments.js';
import type { Environment, Printing } from './environment.js';
import type { ResetOrder } from './processes-reset.js';

/** What reacts to events with commands. */
export function processesCommand(environment: Environment): Command {
  const config = () => readConfig(environment);
  return new Command('processes')
    .description('Look at the processes, which react to events with commands.')
    .addCommand(
      new Command('list')
        .description('How far each process is, and what keeps it from running.')
        .option('--json', 'print one JSON object')
        .action(async (printing: Printing) => {
          const { listProcesses } = await import('./processes-list.js');
          await listProcesses(config(), printing);
        }),
    )
    .addCommand(
      new Command('reset')
        .description(
          'Let a process that does not run go on from another position, after the log was put back. Asks first.',
        )
        .argument('<name>', 'as `list` shows it')
        .requiredOption('--to <position>', 'the last position that it is not to react to again', position)
        .option('--yes', 'do not ask')
        .option('--json', 'print one JSON object')
        .action(async (name: string, order: ResetOrder) => {
          const { resetProcess } = await import('./processes-reset.js');
          await resetProcess(config(), name, order);
        }),
    );
}
