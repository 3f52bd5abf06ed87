import { CannotStart } from '../platform/config/cannot-start.js';
import type { Config } from '../platform/config/config.js';
import { Checkpoints } from '../platform/reacting/checkpoints.js';
import type { Printing } from './environment.js';
import { mayGoOn } from './go-on.js';
import { withLog } from './open-log.js';
import { printJson, printLine, say } from './output.js';

export interface ResetOrder extends Printing {
  readonly to: bigint;
  readonly yes?: boolean;
}

export async function resetProcess(config: Config, name: string, { to, yes, json }: ResetOrder): Promise<void> {
  await withLog(config, async ({ database, store }) => {
    const checkpoints = new Checkpoints(database);
    const standing = await checkpoints.standing(name);
    if (standing === undefined) throw new CannotStart(`There is no process ${name}: see "chorus processes list".`);
    const head = await store.head();
    if (to > head) throw new CannotStart(`The log ends at position ${String(head)}: --to cannot be beyond that.`);
    say(`${name} is at position ${String(standing.position)} and will react to every event after ${String(to)}.`);
    say(
      'Commands that the ledger still knows are not carried out again. Its deadlines and dead letters from later events go.',
    );
    if (!(await mayGoOn(yes))) return;
    if (!(await checkpoints.reset(name, to))) {
      throw new CannotStart(`${name} is running: stop the programs with the role worker or all first.`);
    }
    if (json === true) printJson({ process: name, position: Number(to) });
    else printLine(`${name} goes on after position ${String(to)} when a program runs.`);
  });
}
