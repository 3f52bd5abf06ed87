/**
 * Compiles to `dist` when a source is newer than the last compilation. It runs before every script that runs `dist`, so that
 * `npm start` is all one has to type, and costs next to nothing when there is nothing to do.
 *
 * Node runs this file itself, without its types, which is why it imports nothing of ours. Everything it has to say goes to
 * stderr: the stdout of a command belongs to its data.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const sources = ['src', 'projections', 'migrations', 'test/bench', 'test/chaos'];
const settings = ['package.json', '.swcrc', 'nest-cli.json'];
const stamp = 'dist/.built';
const buildMsMax = 120_000;

/** A folder counts too: it changes when a file in it is removed or renamed. */
function newest(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.mtimeMs;
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || /\.(ts|html|css|js)$/.test(entry.name))
    .reduce((latest, entry) => Math.max(latest, newest(join(path, entry.name))), found.mtimeMs);
}

function isStale(): boolean {
  const built = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return [...sources, ...settings].some((path) => newest(path) > built);
}

/** As of when it began: what is edited while the compiler runs is newer. */
function build(): number {
  const startedAt = new Date();
  const nest = resolve('node_modules/@nestjs/cli/bin/nest.js');
  const { status } = spawnSync(process.execPath, [nest, 'build'], { stdio: ['ignore', 2, 2] });
  if (status !== 0) return status ?? 1;
  writeFileSync(stamp, '');
  utimesSync(stamp, startedAt, startedAt);
  return 0;
}

if (isStale()) {
  // SQLite's lock is the kernel's: it waits for another compilation, and one that was killed leaves nothing behind.
  const { DatabaseSync } = await import('node:sqlite');
  mkdirSync('dist', { recursive: true });
  const lock = new DatabaseSync('dist/.lock', { timeout: buildMsMax });
  lock.exec('begin exclusive');
  if (isStale()) process.exitCode = build();
  lock.close();
}
