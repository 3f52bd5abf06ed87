import { hash } from 'node:crypto';
import { z } from 'zod';
import type { Column, Layout } from '../projecting/columns.js';
import { quoted } from '../projecting/ddl.js';
import type { Values } from '../projecting/changed-rows.js';

/**
 * A part of a table's keys, the same whether PostgreSQL or this program asks: so it also holds the keys of rows that should
 * be there and are not.
 */
export const Sample = z.object({
  /** One part in so many. */
  of: z.int().min(1),
  part: z.int().min(0),
});
export type Sample = Readonly<z.infer<typeof Sample>>;

export function sampleOf(rows: number, rowsWanted: number): Sample {
  const of = Math.max(1, Math.min(partsMax, Math.ceil(rows / rowsWanted)));
  return { of, part: Math.floor(Math.random() * of) };
}

/** As many as seven hexadecimal digits tell apart evenly enough. */
const partsMax = 1_000_000;

export function isSampled({ of, part }: Sample, { key }: Layout, values: Values): boolean {
  if (of === 1) return true;
  const text = key.filter(isWrittenAlike).map(({ name }) => textOf(values[name]));
  return parseInt(hash('sha256', text.join('|'), 'hex').slice(0, 7), 16) % of === part;
}

export function sampledSql({ of, part }: Sample, { key }: Layout): string {
  if (of === 1) return 'true';
  const text = key.filter(isWrittenAlike).map(({ name }) => `${quoted(name)}::text`);
  const digest = `encode(sha256(convert_to(concat_ws('|', ${["''", ...text].slice(text.length > 0 ? 1 : 0).join(', ')}), 'UTF8')), 'hex')`;
  return `('x' || left(${digest}, 7))::bit(28)::integer % ${String(of)} = ${String(part)}`;
}

function textOf(value: Values[string]): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** By JavaScript as by PostgreSQL. Keys with nothing of the kind are all in one part. */
function isWrittenAlike({ type }: Column): boolean {
  return type === 'text' || type === 'integer' || type === 'bigint' || type === 'boolean';
}
