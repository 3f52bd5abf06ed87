import { z } from 'zod';
import { projections } from '../../projections/registry.js';
import type { Json } from '../kernel/event-family.js';
import { CannotStart } from '../platform/config/cannot-start.js';
import type { Config } from '../platform/config/config.js';
import type { ColumnChange, Contribution } from '../platform/proving/contributors.js';
import { explain, type Explanation } from '../platform/proving/explanation.js';
import { RefoldTooLarge } from '../platform/proving/memory-fold.js';
import { KeyRefused, parseKey, tableNamed } from '../platform/proving/wanted-key.js';
import type { Printing } from './environment.js';
import { withLog } from './open-log.js';
import { printJson, printLine, say } from './output.js';

export interface ExplainOptions extends Printing {
  readonly limit: number;
}

export async function explainRow(
  config: Config,
  name: string,
  given: readonly string[],
  { limit, json }: ExplainOptions,
): Promise<void> {
  const { projection, table, key } = asked(name, given);
  await withLog(config, async ({ database, store }) => {
    const explanation = await explained(() => explain({ database, store, projection, table, key, limit }));
    if (explanation === undefined) {
      throw new CannotStart(`${projection.name} has not been built yet: start the program once.`);
    }
    if (json === true) printJson(z.json().parse(explanation));
    else print(explanation);
    warn(explanation, projection.version);
  });
}

function asked(name: string, given: readonly string[]) {
  try {
    const { projection, table } = tableNamed(projections, name);
    return { projection, table, key: parseKey(table, given) };
  } catch (error) {
    throw error instanceof KeyRefused ? new CannotStart(error.message) : error;
  }
}

async function explained<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof RefoldTooLarge ? new CannotStart(error.message) : error;
  }
}

function print({ table, projection, position, row, events, events_total: total }: Explanation): void {
  printLine(`${table} (${projection}) at position ${String(position)}\n`);
  printRow('There is no such row.', row);
  if (total === 0) printLine('\nNo event touched it.');
  else printLine(`\nMade by ${String(total)} ${total === 1 ? 'event' : 'events'}, newest first:`);
  for (const event of events) printContribution(event);
  if (events.length < total) printLine(`\n… and ${String(total - events.length)} older ones (--limit).`);
}

function printRow(otherwise: string, row: Explanation['row']): void {
  if (row === null) {
    printLine(otherwise);
    return;
  }
  const width = Math.max(...Object.keys(row).map((name) => name.length));
  for (const [name, value] of Object.entries(row)) printLine(`  ${name.padEnd(width)}  ${textOf(value)}`);
}

function printContribution({ position, recorded_at, type, stream, version, effect, columns }: Contribution): void {
  printLine(`\n${String(position).padStart(8)}  ${recorded_at}  ${type}  ${stream}@${String(version)}  ${effect}`);
  for (const [name, change] of Object.entries(columns)) printLine(`          ${name}: ${changeText(change)}`);
}

function changeText({ before, after, by }: ColumnChange): string {
  const how = by === undefined ? '' : ` (${by < 0 ? '' : '+'}${String(by)})`;
  return `${textOf(before)} -> ${textOf(after)}${how}`;
}

function textOf(value: Json): string {
  return value === null ? '-' : typeof value === 'string' ? value : JSON.stringify(value);
}

function warn({ agrees, version, folded }: Explanation, ownVersion: number): void {
  if (version !== ownVersion) {
    say(`Version ${String(version)} is live; the events were folded by version ${String(ownVersion)} of this program.`);
  } else if (!agrees) {
    say(`The row is not what its events make of it: that would be ${JSON.stringify(folded)}. It needs a rebuild.`);
    process.exitCode = 1;
  }
}
