import { Command } from 'commander';
import type { Environment, Printing } from './environment.js';
import { checkConfig, checkNode } from './doctor.config.js';
import { checkDataFolder, checkDisk, checkPort, checkSecrets } from './doctor.machine.js';
import { printJson, printLine } from './output.js';
import type { Finding } from './finding.js';

export function doctorCommand(environment: Environment): Command {
  return new Command('doctor')
    .description(
      'Check every part that is configured, and say what is wrong and what to do. Exits with 1 if something is.',
    )
    .option('--json', 'print one JSON object')
    .action(async ({ json }: Printing) => {
      const findings = await examine(environment);
      const ok = findings.every((finding) => finding.ok);
      if (json === true) printJson({ ok, checks: findings.map((finding) => ({ ...finding })) });
      else for (const finding of findings) print(finding);
      if (!ok) process.exitCode = 1;
    });
}

/** With a wrong configuration nothing else can be judged: it says where everything else is. */
async function examine(environment: Environment): Promise<readonly Finding[]> {
  const { finding, config } = checkConfig(environment);
  if (config === undefined) return [checkNode(), finding];
  const { checkDatabase } = await import('./doctor.database.js');
  return [
    checkNode(),
    finding,
    checkDataFolder(config),
    await checkDisk(config),
    checkSecrets(config),
    await checkPort(config),
    ...(await checkDatabase(config)),
  ];
}

function print({ part, ok, says, todo }: Finding): void {
  printLine(`${ok ? 'ok   ' : 'WRONG'}  ${part.padEnd(14)}  ${says}`);
  if (todo !== undefined) printLine(`${' '.repeat(23)}-> ${todo}`);
}
