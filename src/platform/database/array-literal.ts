/**
 * Arrays as PostgreSQL reads them: a column of many rows travels as one parameter. The driver's own way of writing an array
 * takes longer than all else that is done for a batch.
 *
 * Between the outer braces, JSON writes a text as an array does: in quotes, with quotes and backslashes escaped, and `null`
 * without. They differ over control characters and halves of characters, for which JSON has escapes of its own. Nothing
 * writes texts faster than `JSON.stringify`.
 */
export function textArray(texts: readonly (string | null)[]): string {
  const json = JSON.stringify(texts);
  return json.includes('\\') ? `{${texts.map(element).join(',')}}` : `{${json.slice(1, -1)}}`;
}

/** Texts that are JSON themselves hold nothing over which the two differ. */
export function jsonArray(jsons: readonly (string | null)[]): string {
  return `{${JSON.stringify(jsons).slice(1, -1)}}`;
}

/** What needs no quotes: numbers, ids, truth. */
export function plainArray(values: readonly (string | number | boolean | null)[]): string {
  let text = '{';
  let between = '';
  for (const value of values) {
    text += between + String(value);
    between = ',';
  }
  return `${text}}`;
}

function element(text: string | null): string {
  return text === null ? 'null' : `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}
