import { createInterface } from 'node:readline/promises';
import { CannotStart } from '../platform/config/cannot-start.js';
import { say } from './output.js';

/** After the plan was said: `--yes`, or an answer. Where nobody can answer, a missing `--yes` is a mistake and not a no. */
export async function mayGoOn(yes: boolean | undefined): Promise<boolean> {
  if (yes === true) return true;
  if (!process.stdin.isTTY) throw new CannotStart('Nothing was done: say --yes to do it without being asked.');
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const goOn = /^y(es)?$/i.test((await asking.question('Go on? [y/N] ')).trim());
    if (!goOn) say('Nothing was done.');
    return goOn;
  } finally {
    asking.close();
  }
}
