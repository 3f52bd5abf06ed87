import { once } from 'node:events';
import { quoted } from '../platform/analysing/csv-line.js';
import type { Answer } from '../platform/analysing/sql-question.js';
import type { Json } from '../kernel/event-family.js';
import { printTable, say } from './output.js';

const shownRowsMax = 1_000;
const shownCharactersMax = 120;

/** For people: the first rows, in columns. */
export async function printRows({ columns, pages }: Answer): Promise<void> {
  const rows: (readonly Json[])[] = [];
  for await (const page of pages) {
    rows.push(...page.slice(0, shownRowsMax - rows.length));
    if (rows.length < shownRowsMax) continue;
    say(`Only the first ${shownRowsMax.toLocaleString('en')} rows are shown; --json and --csv print all.`);
    break;
  }
  printTable(
    columns,
    rows.map((row) => row.map(cellOf)),
  );
}

/** For programs: an object a line. */
export async function printObjects({ columns, pages }: Answer): Promise<void> {
  for await (const page of pages) {
    const lines = page.map((row) => JSON.stringify(Object.fromEntries(columns.map((name, at) => [name, row[at]]))));
    await write(`${lines.join('\n')}\n`);
  }
}

export async function printCsv({ columns, pages }: Answer): Promise<void> {
  await write(`${columns.map(quoted).join(',')}\n`);
  for await (const page of pages) await write(`${page.map((row) => row.map(csvOf).join(',')).join('\n')}\n`);
}

function cellOf(value: Json): string | number | boolean | null {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const line = text.replaceAll('\n', '\\n');
  return line.length > shownCharactersMax ? `${line.slice(0, shownCharactersMax - 1)}…` : line;
}

function csvOf(value: Json): string {
  if (value === null) return '';
  if (typeof value === 'string') return quoted(value);
  return typeof value === 'object' ? quoted(JSON.stringify(value)) : String(value);
}

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}
