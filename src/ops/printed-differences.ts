import type { RowDifference, TableDifferences } from '../platform/time-travel/row-differences.js';
import { printLine } from './output.js';

/** As in a patch: what is new has a plus, what is gone a minus, what is otherwise now a tilde. */
export function printDifferences(tables: readonly TableDifferences[]): void {
  for (const { table, added, removed, changed, differences } of tables) {
    const total = added + removed + changed;
    if (total === 0) {
      printLine(`${table}: no difference`);
      continue;
    }
    const counts = [`${count(added)} added`, `${count(removed)} removed`, `${count(changed)} changed`];
    printLine(`${table}: ${counts.join(', ')}`);
    for (const difference of differences) printLine(`  ${lineOf(difference)}`);
    if (total > differences.length) printLine(`  … ${count(total - differences.length)} more; --limit shows more`);
  }
}

const signs: Readonly<Record<RowDifference['kind'], string>> = { added: '+', removed: '-', changed: '~' };

function lineOf({ kind, key, columns }: RowDifference): string {
  const names = Object.entries(key).map(([name, value]) => `${name}=${text(value)}`);
  const values = Object.entries(columns).map(([name, { before, after }]) => {
    if (kind === 'changed') return `${name}: ${text(before)} -> ${text(after)}`;
    return `${name}: ${text(kind === 'added' ? after : before)}`;
  });
  return `${signs[kind]} ${names.join(' ')}${values.length > 0 ? `   ${values.join(', ')}` : ''}`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

function count(number: number): string {
  return number.toLocaleString('en');
}
