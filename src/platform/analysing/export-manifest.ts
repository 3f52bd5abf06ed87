import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CannotStart } from '../config/cannot-start.js';
import { partitions } from './partitioning.js';

export const formats = ['ndjson', 'csv', 'parquet'] as const;
export type Format = (typeof formats)[number];

const position = z.number().int().min(0);

const ExportedFile = z.object({
  path: z.string().describe('Relative to the manifest'),
  events: z.number().int(),
  bytes: z.number().int(),
  /** The stretch of the log in which all of its events are. */
  after: position,
  up_to: position,
});
export type ExportedFile = z.output<typeof ExportedFile>;

/** What was asked for, but for where in the log: a later run goes on where this one ended. */
const Selected = z.object({
  stream: z.string().optional(),
  types: z.array(z.string()).optional(),
  categories: z.array(z.string()).optional(),
  from: z.string().optional(),
});

export const Manifest = z.object({
  manifest_version: z.literal(1),
  format: z.enum(formats),
  partitioned_by: z.array(z.enum(partitions)),
  selected: Selected,
  /** Everything that was selected in (after, position] is in the files, once. */
  after: position,
  position,
  complete: z.boolean(),
  events: z.number().int(),
  /** The newest exported event: the log that is appended from later must have it there, or it is another log. */
  last_event: z.object({ position, id: z.string() }).nullable(),
  /** Events of types that the program did not know. */
  left_out: z.record(z.string(), z.number()),
  written_by: z.object({
    chorus: z.string(),
    /** The version to which each type was lifted. */
    schema_versions: z.record(z.string(), z.number()),
  }),
  files: z.array(ExportedFile),
});
export type Manifest = z.output<typeof Manifest>;

const name = 'manifest.json';

export function readManifest(folder: string): Manifest | undefined {
  const path = join(folder, name);
  if (!existsSync(path)) return undefined;
  const parsed = Manifest.safeParse(jsonOf(readFileSync(path, 'utf8')));
  if (parsed.success) return parsed.data;
  throw new CannotStart(`${path} is no manifest of an export that this program knows.`);
}

/** Replaced in one step: whoever reads sees the export before or after a part was added, nothing between. */
export function writeManifest(folder: string, manifest: Manifest): void {
  const path = join(folder, name);
  writeFileSync(`${path}.new`, `${JSON.stringify(manifest, undefined, 2)}\n`);
  renameSync(`${path}.new`, path);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
