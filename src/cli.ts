import { Command } from 'commander';
import { reuseWhatWasCompiled } from './compiled-before.js';
import { asOfCommand } from './ops/as-of.js';
import { backupCommand, restoreCommand } from './ops/backup.js';
import { deadLettersCommand } from './ops/dead-letters.js';
import { demoCommand } from './ops/demo.js';
import { doctorCommand } from './ops/doctor.js';
import { eventsCommand } from './ops/events.js';
import { fileTrouble } from './ops/file-trouble.js';
import { legacyCommand } from './ops/legacy.js';
import { migrateCommand } from './ops/migrate.js';
import { say } from './ops/output.js';
import { processesCommand } from './ops/processes.js';
import { projectionsCommand } from './ops/projections.js';
import { sqlCommand } from './ops/sql.js';
import { startCommand } from './ops/start.js';
import { tokenCommand } from './ops/token.js';
import { whatIfCommand } from './ops/what-if.js';
import { CannotStart } from './platform/config/cannot-start.js';
import { codeOf } from './platform/database/error-code.js';

/** The `chorus` command: `npm run -s chorus -- <command>`. */
const chorus = new Command('chorus')
  .usage('[command] [options]      (run as: npm run -s chorus -- [command] [options])')
  .description(
    'Run and inspect Chorus. Everything is set by environment variables; see docs/reference/configuration.md.',
  )
  .showHelpAfterError('(--help says what is possible)')
  .addHelpText(
    'after',
    `
Examples:
  npm run -s chorus -- demo                            a crowd in a prompt, and the link to watch it
  npm run -s chorus -- doctor                          is everything all right here?
  npm run -s chorus -- token --sub ada --admin         a token for requests
  npm run -s chorus -- events tail                     watch what happens
  npm run -s chorus -- events read --limit 5 --json    the log's first events, as data
  npm run -s chorus -- projections list                how far the read models are`,
  );

reuseWhatWasCompiled();

const commands = [
  startCommand,
  demoCommand,
  doctorCommand,
  tokenCommand,
  eventsCommand,
  sqlCommand,
  projectionsCommand,
  deadLettersCommand,
  backupCommand,
  restoreCommand,
  processesCommand,
  asOfCommand,
  whatIfCommand,
  legacyCommand,
  migrateCommand,
];
for (const command of commands) chorus.addCommand(command(process.env).copyInheritedSettings(chorus));

// Whoever reads our output may stop early (`… | head`); that is no failure.
process.stdout.on('error', (error) => {
  if (codeOf(error) === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await chorus.parseAsync();
} catch (error) {
  const sentence = error instanceof CannotStart ? error.message : fileTrouble(error);
  if (sentence === undefined) throw error;
  say(sentence);
  process.exitCode = 1;
}
