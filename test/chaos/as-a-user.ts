import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';

/** Runs a benchmark or a chaos run the way a person does, and returns the one JSON object it printed. */
export async function asAUser(
  program: 'bench' | 'chaos',
  ...given: readonly string[]
): Promise<Readonly<Record<string, unknown>>> {
  const { stdout } = await promisify(execFile)('npm', ['run', '-s', program, '--', ...given, '--json'], {
    timeout: 110_000,
  });
  return z.record(z.string(), z.unknown()).parse(JSON.parse(stdout));
}
