import type { Json } from '../kernel/event-family.js';
import type { Difference, Report } from '../platform/rebuilding/rebuild.js';
import { printLine } from './output.js';

/** Every row that is in the report, as in a patch, with the newest events that touch it. */
export function printDifferences({ tables }: Report): void {
  for (const { table, shape, differences, differences_total: total } of tables) {
    for (const { sentence } of shape) printLine(sentence);
    if (total === 0) continue;
    printLine(`${table}: ${total === 1 ? '1 row differs' : `${total.toLocaleString('en')} rows differ`}`);
    for (const difference of differences) printDifference(difference);
    if (total > differences.length) printLine(`  … and ${(total - differences.length).toLocaleString('en')} more`);
  }
}

const signs: Readonly<Record<Difference['kind'], string>> = { added: '+', missing: '-', changed: '~' };

function printDifference({ kind, key, columns, events, events_total: total }: Difference): void {
  const names = Object.entries(key).map(([name, value]) => `${name}=${textOf(value)}`);
  const values = Object.entries(columns).map(([name, { before, after }]) => {
    if (kind === 'changed') return `${name}: ${textOf(before)} -> ${textOf(after)}`;
    return `${name}: ${textOf(kind === 'added' ? after : before)}`;
  });
  printLine(`  ${signs[kind]} ${names.join(' ')}   ${values.join(', ')}`);
  if (total === 0) printLine('      no event touches it in the new build');
  for (const { position, recorded_at, type, stream, effect } of events ?? []) {
    printLine(`      ${String(position).padStart(8)}  ${recorded_at}  ${type}  ${stream}  ${effect}`);
  }
  const older = (total ?? 0) - (events?.length ?? 0);
  if (older > 0) printLine(`      … and ${older.toLocaleString('en')} older`);
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
