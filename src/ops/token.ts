import { Command } from 'commander';
import { UserSub } from '../kernel/ids.js';
import { readConfig } from '../platform/config/config.js';
import { withSecrets } from '../platform/config/secrets.js';
import { positiveInteger } from './arguments.js';
import type { Environment, Printing } from './environment.js';
import { printJson, printLine } from './output.js';

interface TokenOptions extends Printing {
  readonly sub: string;
  readonly admin?: boolean;
  readonly givenName?: string;
  readonly lifeSeconds: number;
}

const daySeconds = 86_400;

export function tokenCommand(environment: Environment): Command {
  return new Command('token')
    .description(
      'Make a token for a person, signed with the secret of this program (OSEH_ID_TOKEN_SECRET, or the one in its data folder).',
    )
    .requiredOption('--sub <sub>', 'who the person is')
    .option('--admin', 'the person may administrate')
    .option('--given-name <name>', 'the name that others see')
    .option('--life-seconds <seconds>', 'how long it is valid', positiveInteger, daySeconds)
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExample:\n  curl -H "authorization: bearer $(npm run -s chorus -- token --sub ada --admin)" …',
    )
    .action(async ({ sub, admin = false, givenName, lifeSeconds, json }: TokenOptions) => {
      const { issueUserToken } = await import('../platform/auth/tokens.js');
      const { config } = await withSecrets(readConfig(environment));
      const token = issueUserToken(config.OSEH_ID_TOKEN_SECRET, {
        sub: UserSub.parse(sub),
        admin,
        givenName,
        lifeSeconds,
      });
      if (json === true) printJson({ token, sub, admin, life_seconds: lifeSeconds });
      else printLine(token);
    });
}
