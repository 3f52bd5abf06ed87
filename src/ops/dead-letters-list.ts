import { z } from 'zod';
import { CannotStart } from '../platform/config/cannot-start.js';
import type { Config } from '../platform/config/config.js';
import { DeadLetterOffice, type Letter } from '../platform/dead-letters/dead-letter-office.js';
import type { EventStore } from '../platform/event-store/event-store.js';
import type { Json } from '../kernel/event-family.js';
import type { ListOrder } from './dead-letters-orders.js';
import type { Printing } from './environment.js';
import { withMigratedDatabase } from './open-database.js';
import { withLog } from './open-log.js';
import { printJson, printLine, printTable } from './output.js';

export async function listDeadLetters(
  config: Config,
  name: string | undefined,
  { json, state }: ListOrder,
): Promise<void> {
  const letters = await withMigratedDatabase(config, (database) =>
    new DeadLetterOffice(database).list({ name, state }),
  );
  if (json === true) {
    printJson({ dead_letters: letters.map(jsonOf) });
  } else if (letters.length === 0) {
    printLine('There are none.');
  } else {
    printTable(
      ['id', 'of', 'name', 'state', 'position', 'type', 'stream', 'attempts', 'behind', 'error'],
      letters.map((each) => [
        ...[each.id, each.of, each.name, each.state, each.position, each.type, each.stream, each.attempts, each.behind],
        whatHappened(each),
      ]),
    );
  }
}

export async function showDeadLetter(config: Config, id: string, { json }: Printing): Promise<void> {
  await withLog(config, async ({ database, store }) => {
    const letter = await new DeadLetterOffice(database).find(id);
    if (letter === undefined) throw noSuchLetter(id);
    const event = await eventOf(store, letter);
    if (json === true) printJson({ ...jsonOf(letter), event });
    else {
      for (const [name, value] of Object.entries(jsonOf(letter))) {
        printLine(`${name.padEnd(10)} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
      }
      printLine(`event      ${event === null ? 'This program does not know it.' : JSON.stringify(event)}`);
    }
  });
}

export function noSuchLetter(id: string): CannotStart {
  return new CannotStart(`There is no dead letter ${id}: see "npm run -s chorus -- dead-letters list".`);
}

async function eventOf(store: EventStore, { position }: Letter): Promise<Json> {
  const { events } = await store.readAll({ after: BigInt(position) - 1n, limit: 1 });
  const [recorded] = events;
  if (recorded?.position !== BigInt(position)) return null;
  return plain(recorded.event);
}

/** An event came out of the log as JSON. */
function plain(value: unknown): Json {
  return z.json().parse(value);
}

function jsonOf(letter: Letter): Record<string, Json> {
  return { ...letter, skipped: letter.skipped === null ? null : { ...letter.skipped } };
}

function whatHappened({ error, message, skipped }: Letter): string | null {
  if (skipped !== null) return `skipped by ${skipped.by}: ${skipped.reason}`;
  return error === null ? null : `${error}: ${message ?? ''}`;
}
