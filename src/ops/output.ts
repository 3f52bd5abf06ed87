import type { Json } from '../kernel/event-family.js';

/**
 * What commands print. Stdout carries data and nothing else, so that it can be piped; everything said to a person about the
 * work goes to stderr.
 */
export function printJson(value: Json): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

type Cell = string | number | boolean | null | undefined;

/** Columns in line, numbers to the right. */
export function printTable(columns: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const texts = rows.map((row) => columns.map((_, at) => textOf(row[at])));
  const widths = columns.map((name, at) => Math.max(name.length, ...texts.map((row) => row[at]?.length ?? 0)));
  const numeric = columns.map((_, at) => rows.length > 0 && rows.every((row) => typeof row[at] === 'number'));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (numeric[at] === true ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join('  ');
  for (const row of [columns, ...texts]) printLine(line(row).trimEnd());
}

function textOf(cell: Cell): string {
  if (cell === null || cell === undefined) return '-';
  return typeof cell === 'number' ? cell.toLocaleString('en') : String(cell);
}
