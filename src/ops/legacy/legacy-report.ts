import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Json } from '../../kernel/event-family.js';
import type { Config } from '../../platform/config/config.js';
import { printLine, printTable, say } from '../output.js';
import type { TableReport } from './comparison.js';
import type { Tally } from './import-journeys.js';
import type { Found, LeftOut } from './oddities.js';

/** Everything that an import did and found. It is kept: years later somebody will ask why a number is another one. */
export interface LegacyReport {
  readonly file: string;
  readonly at: string;
  readonly dry_run: boolean;
  /** Absent: nothing was imported, only compared. */
  readonly imported?: Readonly<Record<'journeys' | 'sessions' | 'events', Tally>>;
  readonly seconds: Readonly<Record<string, number>>;
  readonly oddities: readonly Found[];
  /** Complete. */
  readonly left_out: readonly LeftOut[];
  /** Absent: nothing was compared. */
  readonly comparison?: { readonly clean: boolean; readonly tables: readonly TableReport[] };
}

/** Writes the report, and prints it in short or whole. Exits with 1 if there are differences without a name. */
export function conclude(config: Config, report: LegacyReport, options: Concluding): void {
  const path = options.report ?? join(config.CHORUS_DATA, 'reports', `legacy-journeys-${stamp(report.at)}.json`);
  mkdirSync(dirname(resolve(path)), { recursive: true });
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
  if (options.json === true) printLine(JSON.stringify(report));
  else printShort(report);
  say(`The report is in ${resolve(path)}.`);
  if (report.comparison?.clean === false) process.exitCode = 1;
}

export interface Concluding {
  readonly report?: string;
  readonly json?: boolean;
}

function printShort({ imported, dry_run: dryRun, oddities, left_out: leftOut, comparison }: LegacyReport): void {
  if (imported !== undefined) {
    const columns = [
      'rows',
      'read',
      dryRun ? 'importable' : 'imported',
      ...(dryRun ? [] : ['already there']),
      'left out',
    ];
    const rows = Object.entries(imported).map(([what, tally]) => {
      const { read, imported: now, there, leftOut: left } = tally;
      return [what, read, now, ...(dryRun ? [] : [there]), left];
    });
    printTable(columns, rows);
  }
  if (oddities.length > 0) {
    printLine('\nWhat is odd about the file, and what becomes of it:\n');
    for (const { oddity, count, meaning } of oddities) printLine(`${amount(count)}  ${oddity}: ${meaning}`);
  }
  if (leftOut.length > 0)
    printLine(`\nLeft out: ${String(leftOut.length)} rows. The report lists each of them with its reason.`);
  if (comparison !== undefined) printComparison(comparison);
}

function printComparison({ clean, tables }: NonNullable<LegacyReport['comparison']>): void {
  printLine('\nCompared with the file:\n');
  const named = (table: TableReport): number => table.named.reduce((sum, { count }) => sum + count, 0);
  printTable(
    ['table', 'compared', 'equal', 'named differences', 'failures'],
    tables.map((table) => [table.table, table.compared, table.equal, named(table), table.failuresTotal]),
  );
  const reasons = new Map(tables.flatMap((table) => table.named.map(({ name, why }) => [name, why] as const)));
  if (reasons.size > 0) printLine('');
  for (const [name, why] of reasons) printLine(`  ${name}: ${why}`);
  for (const { table, failures, failuresTotal } of tables) {
    const shown = failures.slice(0, failuresShown);
    for (const { what, theirs, ours } of shown) {
      printLine(`\n${table}: ${what}\n  there ${printed(theirs)}\n  here  ${printed(ours)}`);
    }
    if (failuresTotal > shown.length) printLine(`\n${table}: and ${String(failuresTotal - shown.length)} more`);
  }
  printLine(clean ? '\nEvery difference has a name.' : '\nThere are differences that have no name.');
}

/** The report has more of them. */
const failuresShown = 5;

function printed(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function amount(count: number): string {
  return count.toLocaleString('en').padStart(9);
}

function stamp(at: string): string {
  return at.replace(/\.\d+Z$/, 'Z').replaceAll(/[-:]/g, '');
}
