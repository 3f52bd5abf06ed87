import { Command, Option } from 'commander';
import { readConfig } from '../platform/config/config.js';
import { positiveInteger } from './arguments.js';
import type { Environment } from './environment.js';
import type { SqlOrder } from './sql-ask.js';

export function sqlCommand(environment: Environment): Command {
  return new Command('sql')
    .description('Ask the log, an export of it, or read models in SQL (DuckDB’s). Nothing is written.')
    .argument('<question>', 'one select; - reads it from stdin')
    .option('--export <folder>', 'events from this export, which is faster than reading the log')
    .option('--json', 'print one JSON object a row')
    .addOption(new Option('--csv', 'print CSV').conflicts('json'))
    .option(
      '--memory-mb <megabytes>',
      'how much memory the question may use before it spills to disk',
      positiveInteger,
      1_024,
    )
    .addHelpText(
      'after',
      `
Tables:
  events             position, stream, category, version, id, type, schema_version, recorded_at, data, metadata
  PromptCreated, …   one for each event type, with the fields of its data as columns
  read.<name>        the read models

Examples:
  npm run -s chorus -- sql "select type, count(*) from events group by type order by 2 desc"
  npm run -s chorus -- sql "from PromptLiked select promptUid, count(*) group by all" --export ./history
  npm run -s chorus -- sql "describe PromptCreated"`,
    )
    .action(async (question: string, order: SqlOrder) => {
      const { ask } = await import('./sql-ask.js');
      await ask(() => readConfig(environment), question, order);
    });
}
