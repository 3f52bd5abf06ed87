import { Command, InvalidArgumentError, Option } from 'commander';
import { formats } from '../platform/analysing/export-manifest.js';
import { partitions, type Partition } from '../platform/analysing/partitioning.js';
import { readConfig, type Config } from '../platform/config/config.js';
import { listed, position, positiveInteger } from './arguments.js';
import type { Environment, Printing } from './environment.js';
import type { ExportingOrder } from './events-export.js';
import type { ReadOrder } from './events-read.js';
import type { ReplayingOrder } from './events-replay.js';
import type { TailingOrder } from './events-tail.js';
import { withSelection } from './selection-options.js';

/** Everything that looks at the log itself. What a command needs is loaded when it runs: help and typing errors are then quick. */
export function eventsCommand(environment: Environment): Command {
  const config = () => readConfig(environment);
  return new Command('events')
    .description('Look at the log: everything that has ever happened, in order.')
    .addCommand(readCommand(config))
    .addCommand(tailCommand(config))
    .addCommand(statsCommand(config))
    .addCommand(exportCommand(config))
    .addCommand(replayCommand(config));
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

function exportCommand(config: () => Config): Command {
  const command = new Command('export')
    .description('Write events to a folder of files, with a manifest. Interrupted, it goes on where it was.')
    .requiredOption('--to <folder>', 'a folder that is not there yet')
    .addOption(new Option('--format <format>', 'what to write').choices(formats).default('parquet'))
    .option('--by <partitions>', `folders by ${partitions.join(', ')}, such as type,day`, partitioning, [])
    .option('--append', 'the export is there: add what happened since')
    .option('--memory-mb <megabytes>', 'for the writer of Parquet', positiveInteger, 512)
    .option('--json', 'print one JSON object');
  return withSelection(command)
    .addHelpText(
      'after',
      `
Examples:
  npm run -s chorus -- events export --to ./history --by type,day
  npm run -s chorus -- events export --to ./history --by type,day --append
  npm run -s chorus -- events export --to ./likes --type PromptLiked --format csv`,
    )
    .action(async (order: ExportingOrder) => {
      const { exportLog } = await import('./events-export.js');
      await exportLog(config(), order);
    });
}

function replayCommand(config: () => Config): Command {
  const command = new Command('replay')
    .description('Send events again to a program of yours, in the rhythm in which they happened or faster.')
    .requiredOption('--to <where>', 'stdout, or a URL that takes NDJSON by POST', receiver)
    .option('--speed <times>', 'so many times faster than it was, or max', speed, 1)
    .option(
      '--max-gap <seconds>',
      'wait no longer than this for something to happen (before --speed)',
      seconds,
      Infinity,
    )
    .option('--batch <events>', 'at most so many at once', positiveInteger, 500)
    .option('--header <header>', 'sent with each batch, such as "authorization: bearer …"; may be repeated', header);
  return withSelection(command)
    .addHelpText(
      'after',
      `
Examples:
  npm run -s chorus -- events replay --to stdout --stream prompt-oseh_ip_… --speed 10 --max-gap 5
  npm run -s chorus -- events replay --to http://127.0.0.1:8080/events --speed max --after 120000`,
    )
    .action(async (order: ReplayingOrder) => {
      const { replayEvents } = await import('./events-replay.js');
      await replayEvents(config(), order);
    });
}

function partitioning(text: string, before: readonly Partition[]): readonly Partition[] {
  const wanted = listed(text);
  const known = wanted.flatMap((name) => partitions.filter((partition) => partition === name));
  if (known.length === wanted.length) return [...new Set([...before, ...known])];
  throw new InvalidArgumentError(`They must be of ${partitions.join(', ')}.`);
}

function receiver(text: string): 'stdout' | URL {
  if (text === 'stdout') return text;
  if (/^https?:/.test(text) && URL.canParse(text)) return new URL(text);
  throw new InvalidArgumentError('It must be stdout, or a URL such as http://127.0.0.1:8080/events.');
}

function speed(text: string): number {
  const times = text === 'max' ? Infinity : Number(text);
  if (times > 0) return times;
  throw new InvalidArgumentError('It must be a number above 0, or max.');
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0) return value;
  throw new InvalidArgumentError('It must be a number of seconds.');
}

function header(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const [, name, value] = /^([\w-]+):\s*(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('It must look like "name: value".');
  return { ...before, [name]: value };
}
