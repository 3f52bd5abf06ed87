import { Command } from 'commander';
import type { Config } from '../platform/config/config.js';
import { positiveInteger } from './arguments.js';
import type { SelfCheckOptions } from './self-check.js';

export function selfCheckCommand(config: () => Config): Command {
  return new Command('self-check')
    .description(
      'Compare some rows of the live read models with what the log makes of them. Exits with 1 if they differ.',
    )
    .argument('[name]', 'only this read model')
    .option('--rows <count>', 'about so many rows of each table', positiveInteger, 1_000)
    .option('--json', 'print one JSON object per read model')
    .action(async (name: string | undefined, options: SelfCheckOptions) => {
      const { checkReadModels } = await import('./self-check.js');
      await checkReadModels(config(), name, options);
    });
}
