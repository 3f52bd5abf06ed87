import { Command, Option } from 'commander';
import { readConfig, type Config } from '../platform/config/config.js';
import type { ListOrder, RetryOrder, SkipOrder } from './dead-letters-orders.js';
import type { Environment, Printing } from './environment.js';

/** Events that a read model or a process could not take, and what a person decides about them. */
export function deadLettersCommand(environment: Environment): Command {
  const config = () => readConfig(environment);
  return new Command('dead-letters')
    .description(
      'Events that a projection or a process could not take: look at them, try them again, go on without them.',
    )
    .addCommand(
      new Command('list')
        .description('What waits for a decision, and what waits behind it.')
        .argument('[name]', 'only of this projection or process')
        .addOption(
          new Option('--state <state>', 'only in this state').choices([
            ...['poisoned', 'waiting', 'retrying', 'skipping', 'resolved', 'skipped'],
          ]),
        )
        .option('--json', 'print one JSON object')
        .action(async (name: string | undefined, order: ListOrder) => {
          const { listDeadLetters } = await import('./dead-letters-list.js');
          await listDeadLetters(config(), name, order);
        }),
    )
    .addCommand(
      new Command('show')
        .description('One of them, with the event itself.')
        .argument('<id>', 'as `list` shows it')
        .option('--json', 'print one JSON object')
        .action(async (id: string, printing: Printing) => {
          const { showDeadLetter } = await import('./dead-letters-list.js');
          await showDeadLetter(config(), id, printing);
        }),
    )
    .addCommand(retryCommand(config))
    .addCommand(skipCommand(environment));
}

function retryCommand(config: () => Config): Command {
  return new Command('retry')
    .description('Ask the running program to apply it again, then what waits behind it.')
    .argument('[id]', 'as `list` shows it')
    .option('--all <name>', 'all of this projection or process')
    .option('--no-wait', 'only ask; do not wait for what becomes of it')
    .option('--json', 'print one JSON object')
    .action(async (id: string | undefined, order: RetryOrder) => {
      const { retryDeadLetters } = await import('./dead-letters-decide.js');
      await retryDeadLetters(config(), id, order);
    });
}

function skipCommand(environment: Environment): Command {
  return new Command('skip')
    .description('Go on without it for good, then try what waits behind it. Asks first.')
    .argument('<id>', 'as `list` shows it')
    .requiredOption('--reason <sentence>', 'why it may be done without; kept with the letter')
    .option('--by <name>', 'who decides this; kept with the letter', environment['USER'] ?? 'operator')
    .option('--yes', 'do not ask')
    .option('--no-wait', 'only ask the program; do not wait until it went on')
    .option('--json', 'print one JSON object')
    .action(async (id: string, order: SkipOrder) => {
      const { skipDeadLetter } = await import('./dead-letters-decide.js');
      await skipDeadLetter(readConfig(environment), id, order);
    });
}
