import type { Json } from '../../kernel/event-family.js';
import type { Column } from '../projecting/columns.js';
import { sameValue, shownValue, type ComparedColumns, type ValueText } from './canonical-rows.js';
import type { RowPair } from './merged-rows.js';
import type { TextRow } from './row-pages.js';
import { valuesIn } from './row-text.js';

export interface RowDifference {
  readonly table: string;
  readonly key: Readonly<Record<string, Json>>;
  /** Missing: only the first side has the row. Added: only the second has it. */
  readonly kind: 'missing' | 'added' | 'changed';
  /** Those that differ; all that were compared when only one side has the row, with null on the other. */
  readonly columns: Readonly<Record<string, { readonly before: Json; readonly after: Json }>>;
}

/** How the two sides of a pair differ: in no column, perhaps, if only their JSON is written differently. */
export function differenceOf(table: string, columns: ComparedColumns, { before, after }: RowPair): RowDifference {
  const [old, now] = [valuesOf(before), valuesOf(after)];
  const differing = differingColumns(columns, old, now);
  const key = valuesIn((before ?? after)?.key ?? '()');
  return {
    table,
    kind: old === undefined ? 'added' : now === undefined ? 'missing' : 'changed',
    key: Object.fromEntries(columns.key.map((column, at) => [column.name, shownValue(column, key[at] ?? null)])),
    columns: Object.fromEntries(
      differing.map(({ column, at }) => [
        column.name,
        { before: shownValue(column, old?.[at] ?? null), after: shownValue(column, now?.[at] ?? null) },
      ]),
    ),
  };
}

/** The same, without saying how. */
export function isDifferent(columns: ComparedColumns, { before, after }: RowPair): boolean {
  if (before === undefined || after === undefined) return true;
  // Texts that differ are values that differ, wherever there is no JSON.
  if (!columns.rest.some(({ type }) => type === 'jsonb')) return true;
  return differingColumns(columns, valuesOf(before), valuesOf(after)).length > 0;
}

function valuesOf(row: TextRow | undefined): readonly ValueText[] | undefined {
  return row === undefined ? undefined : valuesIn(row.rest);
}

interface Place {
  readonly column: Column;
  readonly at: number;
}

function differingColumns(
  { rest }: ComparedColumns,
  old: readonly ValueText[] | undefined,
  now: readonly ValueText[] | undefined,
): readonly Place[] {
  const places = rest.map((column, at) => ({ column, at }));
  if (old === undefined || now === undefined) return places;
  return places.filter(({ column, at }) => !sameValue(column, old[at] ?? null, now[at] ?? null));
}
