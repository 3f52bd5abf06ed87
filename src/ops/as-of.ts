import { Command, InvalidArgumentError, Option } from 'commander';
import { readConfig } from '../platform/config/config.js';
import { momentIn, momentWords, type Moment } from '../platform/time-travel/moment.js';
import { positiveInteger } from './arguments.js';
import type { AsOfOrder } from './as-of-answer.js';
import type { Environment } from './environment.js';

export function asOfCommand(environment: Environment): Command {
  return new Command('as-of')
    .description('Show a read model as it was, by folding the log up to there into tables that vanish afterwards.')
    .argument('<moment>', momentWords, moment)
    .argument('<model>', 'name of the read model, as `projections list` says')
    .option('--diff <moment>', 'instead, what is different at that moment', moment)
    .addOption(tableOption())
    .addOption(whereOption())
    .option('--order <columns>', 'such as "total desc, node"; otherwise by key')
    .addOption(limitOption())
    .addOption(yesOption())
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  npm run -s chorus -- as-of 5000 event_counts --order "total desc" --limit 5
  npm run -s chorus -- as-of 2026-03-01T12:00:00Z journey_list --where deleted=false
  npm run -s chorus -- as-of 2026-03-01 active_users --diff 2026-03-02 --json`,
    )
    .action(async (asked: Moment, model: string, options: Omit<AsOfOrder, 'moment' | 'model'>) => {
      const { answerAsOf } = await import('./as-of-answer.js');
      await answerAsOf(readConfig(environment), { moment: asked, model, ...options });
    });
}

export function moment(text: string): Moment {
  const found = momentIn(text);
  if (found === undefined) throw new InvalidArgumentError(`It must be ${momentWords}.`);
  return found;
}

export function tableOption(): Option {
  return new Option('--table <table>', 'which of its tables; otherwise the first, or for differences all');
}

export function whereOption(): Option {
  return new Option(
    '--where <conditions...>',
    'column=value, also with != < <= > >=; all of them must hold (quote the ones with < or >)',
  ).default([], 'all rows');
}

export function limitOption(): Option {
  return new Option('--limit <rows>', 'show so many rows, of each table').argParser(positiveInteger).default(100);
}

export function yesOption(): Option {
  return new Option('--yes', 'read as much of the log as it takes, without asking');
}
