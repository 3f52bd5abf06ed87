import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';

const Package = z.object({ name: z.string(), version: z.string() });

/** Compiled code lies deeper than its sources, so the package is looked for upwards. */
export function programVersion(from = import.meta.dirname): string {
  const path = join(from, 'package.json');
  if (existsSync(path)) return Package.parse(JSON.parse(readFileSync(path, 'utf8'))).version;
  return programVersion(dirname(from));
}
