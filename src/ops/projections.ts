import { Command } from 'commander';
import { readConfig } from '../platform/config/config.js';
import { explainCommand } from './explain-command.js';
import type { Environment, Printing } from './environment.js';
import { rebuildCommands } from './rebuild-commands.js';
import { selfCheckCommand } from './self-check-command.js';

export function projectionsCommand(environment: Environment): Command {
  const projections = new Command('projections')
    .description('Look at the read models, and build them anew.')
    .addCommand(
      new Command('list')
        .description(
          'How far each build of each read model is, who works on it, and how many events it could not take.',
        )
        .option('--json', 'print one JSON object')
        .action(async (printing: Printing) => {
          const { listProjections } = await import('./projections-list.js');
          await listProjections(readConfig(environment), printing);
        }),
    )
    .addCommand(explainCommand(() => readConfig(environment)))
    .addCommand(selfCheckCommand(() => readConfig(environment)));
  for (const command of rebuildCommands(() => readConfig(environment))) projections.addCommand(command);
  return projections;
}
