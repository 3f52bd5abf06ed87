import { Command, Option } from 'commander';
import { readConfig } from '../platform/config/config.js';
import { positiveInteger } from './arguments.js';
import type { Environment, Printing } from './environment.js';

interface DemoOptions extends Printing {
  readonly url?: string;
  readonly people: number;
  readonly seconds?: number;
  readonly style: string;
  readonly seed: number;
}

const peopleDefault = 60;

export function demoCommand(environment: Environment): Command {
  return new Command('demo')
    .description('Fill a prompt with a simulated crowd, over the API, and print where to watch it and take part.')
    .option('--url <url>', 'a running program; absent: the one of this configuration, which is started if need be')
    .option('--people <number>', 'how many take part', positiveInteger, peopleDefault)
    .option('--seconds <seconds>', 'end after so long; absent: go on until Ctrl-C', positiveInteger)
    .addOption(
      new Option('--style <style>', 'what the prompt asks for')
        .choices(['word', 'numeric', 'color', 'press'])
        .default('word'),
    )
    .option('--seed <number>', 'another one is another crowd', positiveInteger, 1)
    .option('--json', 'print one JSON object for each phase')
    .addHelpText('after', '\nExample:\n  npm run -s chorus -- demo --style press --people 100')
    .action(async ({ url, people, seconds, style, seed, json }: DemoOptions) => {
      const { demonstrate } = await import('./demo-show.js');
      const { promptFor } = await import('./demo-plan.js');
      await demonstrate(readConfig(environment), {
        url,
        people,
        seconds,
        prompt: promptFor(style),
        seed,
        json: json === true,
      });
    });
}
