import { Command, Option } from 'commander';
import { readConfig } from '../platform/config/config.js';
import { momentWords } from '../platform/time-travel/moment.js';
import { limitOption, moment, tableOption, whereOption, yesOption } from './as-of.js';
import type { Environment } from './environment.js';
import type { WhatIfOrder } from './what-if-answer.js';

export function whatIfCommand(environment: Environment): Command {
  return new Command('what-if')
    .description('Show what a read model would be, had other things happened. The log is not changed.')
    .argument('<model>', 'name of the read model, as `projections list` says')
    .option('--as-of <moment>', `the end of the history to look at: ${momentWords}`, moment)
    .addOption(withoutOption())
    .option(
      '--change <file>',
      'a module (.js, .mjs) that exports a function: event => event, undefined, or several events',
    )
    .option(
      '--inject <file>',
      'events that happened besides, one JSON object a line, as `events read --json` prints them',
    )
    .addOption(tableOption())
    .addOption(whereOption())
    .addOption(limitOption())
    .addOption(yesOption())
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  npm run -s chorus -- what-if event_counts --without user_sub=ada
  npm run -s chorus -- what-if prefix_sums --table prefix_sums --without type=PromptLiked,position=100..200
  npm run -s chorus -- what-if event_counts --change ./one-second-later.mjs --inject ./more-likes.ndjson --json`,
    )
    .action(async (model: string, options: Omit<WhatIfOrder, 'model'>) => {
      const { answerWhatIf } = await import('./what-if-answer.js');
      await answerWhatIf(readConfig(environment), { model, ...options });
    });
}

function withoutOption(): Option {
  return new Option(
    '--without <events>',
    'events that never happened: type=… stream=… category=… position=1..9 or a field such as user_sub=…; several with commas must all be so, further --without are further events',
  )
    .argParser((text: string, before: readonly string[]) => [...before, text])
    .default([], 'none');
}
