import type { Difference, Report } from './rebuild.js';

const rowsInSentence = 3;
const positionsInSentence = 5;

/** Why it was not equal, with the first rows and what last touched them. */
export function whatDiffers({ tables, position, regained }: Report): string {
  const sentences = tables.flatMap(({ table, shape, differences, differences_total: total }) => {
    const shapes = shape.map(({ sentence }) => sentence);
    if (total === 0) return shapes;
    const rows = differences.slice(0, rowsInSentence).map(rowSentence);
    const more = total > rows.length ? '; …' : '';
    return [
      ...shapes,
      `${table} differs in ${total === 1 ? '1 row' : `${String(total)} rows`}: ${rows.join('; ')}${more}.`,
    ];
  });
  const why = [...sentences, ...whatIsBack(regained)].join(' ');
  return `At position ${String(position)} the new build is not the live one. ${why}`;
}

function rowSentence({ kind, key, columns, events }: Difference): string {
  const changed = Object.entries(columns).map(
    ([column, { before, after }]) => `${column} ${JSON.stringify(before)} -> ${JSON.stringify(after)}`,
  );
  const [newest] = events ?? [];
  const touched = newest === undefined ? '' : `, last touched by ${newest.type} at ${String(newest.position)}`;
  return `${JSON.stringify(key)} ${kind}${kind === 'changed' ? ` (${changed.join(', ')})` : ''}${touched}`;
}

/** The likely reason, where there is one. */
function whatIsBack(regained: readonly number[]): readonly string[] {
  if (regained.length === 0) return [];
  const named = regained.slice(0, positionsInSentence).join(', ');
  const more = regained.length > positionsInSentence ? ', …' : '';
  return [`The new one has applied what the live one does without as a dead letter: the events at ${named}${more}.`];
}
