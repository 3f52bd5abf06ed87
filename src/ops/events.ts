import { Command } from 'commander';
import { readConfig, type Config } from '../platform/config/config.js';
import { listed, position, positiveInteger } from './arguments.js';
import type { Environment, Printing } from './environment.js';
import type { ReadOrder } from './events-read.js';
import type { TailingOrder } from './events-tail.js';

/** Everything that looks at the log itself. What a command needs is loaded when it runs: help and typing errors are then quick. */
export function eventsCommand(environment: Environment): Command {
  const config = () => readConfig(environment);
  return new Command('events')
    .description('Look at the log: everything that has ever happened, in order.')
    .addCommand(readCommand(config))
    .addCommand(tailCommand(config))
    .addCommand(statsCommand(config));
}

function readCommand(config: () => Config): Command {
  return new Command('read')
    .description('Print events of the past, oldest first.')
    .option('--stream <stream>', 'only this stream, such as prompt-oseh_ip_…')
    .option('--type <types>', 'only these types', listed)
    .option('--category <categories>', 'only streams of these categories', listed)
    .option('--after <position>', 'begin after this position (with --stream: after this version)', position)
    .option('--limit <count>', 'stop after so many events', positiveInteger, 100)
    .option('--backwards', 'newest first; --after is then where to begin going back from')
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  npm run -s chorus -- events read --limit 20
  npm run -s chorus -- events read --type PromptCreated,PromptLiked --json
  npm run -s chorus -- events read --category prompt --backwards --limit 1`,
    )
    .action(async (order: ReadOrder) => {
      const { readEvents } = await import('./events-read.js');
      await readEvents(config(), order);
    });
}

function tailCommand(config: () => Config): Command {
  return new Command('tail')
    .description('Print events as they happen, until Ctrl-C.')
    .option('--type <types>', 'only these types', listed)
    .option('--category <categories>', 'only streams of these categories', listed)
    .option('--after <position>', 'first catch up from this position; otherwise only what is new', position)
    .option('--json', 'print one JSON object a line')
    .action(async (order: TailingOrder) => {
      const { tailEvents } = await import('./events-tail.js');
      await tailEvents(config(), order);
    });
}

function statsCommand(config: () => Config): Command {
  return new Command('stats')
    .description('Count the log by type and category. Reads all of it.')
    .option('--json', 'print one JSON object')
    .action(async (printing: Printing) => {
      const { eventStats } = await import('./events-stats.js');
      await eventStats(config(), printing);
    });
}
