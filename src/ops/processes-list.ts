import type { Config } from '../platform/config/config.js';
import { Checkpoints } from '../platform/reacting/checkpoints.js';
import type { Printing } from './environment.js';
import { withLog } from './open-log.js';
import { printJson, printLine, printTable } from './output.js';

export async function listProcesses(config: Config, { json }: Printing): Promise<void> {
  await withLog(config, async ({ database, store }) => {
    const checkpoints = await new Checkpoints(database).all();
    // Asked last, so that no process can be ahead of it by what came meanwhile.
    const head = Number(await store.head());
    const processes = checkpoints.map(({ process: name, position, refused }) => {
      return { name, position: Number(position), lag: Math.max(0, head - Number(position)), refused };
    });
    if (json === true) {
      printJson({ head, processes });
      return;
    }
    printLine(`The log ends at position ${String(head)}.\n`);
    printTable(
      ['process', 'position', 'lag', 'refused'],
      processes.map(({ name, position, lag, refused }) => [name, position, lag, refused]),
    );
  });
}
