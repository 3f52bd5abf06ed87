import type { ValueText } from './canonical-rows.js';

/**
 * The values in a row as PostgreSQL writes it: `(1,"a ""b"" \\ c",,"")`. Nothing between two commas is null; quotes and
 * backslashes inside quotes are doubled.
 */
export function valuesIn(row: string): readonly ValueText[] {
  if (!/["\\]/.test(row)) return row.slice(1, -1).split(',').map(nullIfEmpty);
  const values: ValueText[] = [];
  for (const [, quoted, plain] of row.matchAll(field)) {
    values.push(
      quoted === undefined ? nullIfEmpty(plain ?? '') : quoted.replaceAll(/""|\\\\/g, (pair) => pair.slice(1)),
    );
  }
  return values;
}

function nullIfEmpty(text: string): ValueText {
  return text === '' ? null : text;
}

/** Each begins with the parenthesis or the comma before it. */
const field = /[(,](?:"((?:[^"\\]|""|\\\\)*)"|([^,()"\\]*))(?=[,)])/gy;
