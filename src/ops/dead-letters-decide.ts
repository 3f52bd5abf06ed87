import { CannotStart } from '../platform/config/cannot-start.js';
import type { Config } from '../platform/config/config.js';
import { DeadLetterOffice, type Letter } from '../platform/dead-letters/dead-letter-office.js';
import type { LetterOutcome } from '../platform/projecting/dead-letters.js';
import { noSuchLetter } from './dead-letters-list.js';
import type { RetryOrder, SkipOrder } from './dead-letters-orders.js';
import { mayGoOn } from './go-on.js';
import { withMigratedDatabase } from './open-database.js';
import { printJson, printLine, say } from './output.js';

/** A worker looks for requests several times a second; after a takeover it may be some seconds. */
const waitMs = 8_000;

export async function retryDeadLetters(config: Config, id: string | undefined, order: RetryOrder): Promise<void> {
  const { all, wait, json } = order;
  if ((id === undefined) === (all === undefined)) throw new CannotStart('Name either one id, or --all and a name.');
  await withMigratedDatabase(config, async (database) => {
    const office = new DeadLetterOffice(database);
    const ids = id === undefined ? await poisonedOf(office, all) : [id];
    if (ids.length === 0) say('There is nothing to try again.');
    // Asked for together, so that one look of the worker finds them all.
    const outcomes = await Promise.all(ids.map((each) => office.retry(each, wait ? waitMs : 0)));
    tell(
      ids.map((each, at) => ({ id: each, outcome: outcomes[at] ?? 'unknown' })),
      { json, wait },
    );
  });
}

export async function skipDeadLetter(config: Config, id: string, order: SkipOrder): Promise<void> {
  const { reason, by, yes, wait, json } = order;
  await withMigratedDatabase(config, async (database) => {
    const office = new DeadLetterOffice(database);
    const letter = await office.find(id);
    if (letter === undefined) throw noSuchLetter(id);
    // Nothing else can be skipped, and then the outcome says why.
    if (letter.state === 'poisoned' || letter.state === 'retrying') {
      for (const sentence of whatSkippingDoes(letter)) say(sentence);
      if (!(await mayGoOn(yes))) return;
    }
    tell([{ id, outcome: await office.skip(id, { by, reason }, wait ? waitMs : 0) }], { json, wait });
  });
}

function whatSkippingDoes({ of, name, position, type, stream, behind }: Letter): readonly string[] {
  return [
    `Event ${String(position)} (${type} of ${stream}) will not be applied by the ${of} ${name}.`,
    `${String(behind)} events that wait behind it will be tried, in order.`,
    of === 'projection'
      ? 'It stays so, but for a rebuild with code that can take the event.'
      : 'It stays so, but for a reset of the process to before the event.',
  ];
}

async function poisonedOf(office: DeadLetterOffice, name: string | undefined): Promise<readonly string[]> {
  return (await office.list({ name, state: 'poisoned' })).map(({ id }) => id);
}

interface Told {
  readonly id: string;
  readonly outcome: LetterOutcome;
}

function tell(
  results: readonly Told[],
  { json, wait }: { readonly json?: boolean | undefined; readonly wait: boolean },
): void {
  if (json === true) printJson({ results: results.map(({ id, outcome }) => ({ id, outcome })) });
  else for (const { id, outcome } of results) printLine(`${id}: ${sentences[outcome]}`);
  if (results.some(({ outcome }) => isFailure(outcome, wait))) process.exitCode = 1;
}

function isFailure(outcome: LetterOutcome, wait: boolean): boolean {
  return outcome !== 'resolved' && outcome !== 'skipped' && (wait || outcome !== 'not-yet-tried');
}

const sentences: Readonly<Record<LetterOutcome, string>> = {
  resolved: 'applied, and those behind it are being tried.',
  skipped: 'skipped; those behind it are being tried.',
  'failed-again': 'it failed again; "dead-letters show" says why.',
  'waits-behind-another': 'it waits behind an earlier event: decide about that one first.',
  'not-yet-tried': 'asked for; no worker has come to it yet.',
  unknown: 'there is no such dead letter.',
};
