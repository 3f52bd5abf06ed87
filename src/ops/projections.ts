import { Command } from 'commander';
import { readConfig } from '../platform/config/config.js';
import type { Environment, Printing } from './environment.js';

export function projectionsCommand(environment: Environment): Command {
  return new Command('projections').description('Look at the read models.').addCommand(
    new Command('list')
      .description('How far each build of each read model is, who works on it, and how many events it could not take.')
      .option('--json', 'print one JSON object')
      .action(async (printing: Printing) => {
        const { listProjections } = await import('./projections-list.js');
        await listProjections(readConfig(environment), printing);
      }),
  );
}
