import { Command } from 'commander';
import type { Config } from '../platform/config/config.js';
import { positiveInteger } from './arguments.js';
import type { ExplainOptions } from './explain.js';

export function explainCommand(config: () => Config): Command {
  return new Command('explain')
    .description('Say why a row of a read model is what it is: the events that made it, newest first.')
    .argument('<table>', 'the table, such as prefix_sums')
    .argument('<key...>', 'column=value for each column of its key, or only the values in order')
    .option('--limit <count>', 'name so many events', positiveInteger, 20)
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
It folds the log again, in memory, so it takes as long as reading all events of the read model.

Examples:
  npm run -s chorus -- projections explain event_counts prompt_uid=oseh_ip_… bucket=4
  npm run -s chorus -- projections explain event_counts oseh_ip_… 4 --json`,
    )
    .action(async (table: string, key: readonly string[], options: ExplainOptions) => {
      const { explainRow } = await import('./explain.js');
      await explainRow(config(), table, key, options);
    });
}
