import { Command, Option } from 'commander';
import type { Environment } from './environment.js';

interface StartOptions {
  readonly role?: string;
  readonly host?: string;
  readonly port?: string;
}

export function startCommand(environment: Environment): Command {
  return new Command('start')
    .description('Run the program until Ctrl-C: it answers requests, runs read models, processes and deadlines.')
    .addOption(
      new Option('--role <role>', 'what this process does; overrides CHORUS_ROLE').choices(['all', 'api', 'worker']),
    )
    .option('--host <address>', 'address to listen on; overrides HOST')
    .option('--port <number>', 'port to listen on, 0 for any; overrides PORT')
    .action(async ({ role, host, port }: StartOptions) => {
      // The whole program is loaded only here: every other command starts faster without it.
      const { run } = await import('../app/run.js');
      await run({
        ...environment,
        ...(role === undefined ? {} : { CHORUS_ROLE: role }),
        ...(host === undefined ? {} : { HOST: host }),
        ...(port === undefined ? {} : { PORT: port }),
      });
    });
}
