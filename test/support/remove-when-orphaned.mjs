/**
 * Waits until whoever started it is gone, then ends what tests left running in a folder and removes the folder.
 *
 * Plain JavaScript, because it is no part of the test run: it must start without a compiler and outlive Jest.
 */
import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const [, , folder] = process.argv;

process.stdin.resume();
process.stdin.on('end', async () => {
  // Programs before their servers, which they would start again.
  for (const file of found('**/program.pid')) end(file, 'SIGKILL');
  // The server's immediate shutdown: the data is thrown away, so nothing is flushed.
  for (const file of found('**/postmaster.pid')) end(file, 'SIGQUIT');
  for (let tries = 0; found('**/postmaster.pid').some(existsSync) && tries < 100; tries += 1) await sleep(25);
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

function found(pattern) {
  return globSync(pattern, { cwd: folder }).map((path) => join(folder, path));
}

function end(file, signal) {
  try {
    process.kill(Number(readFileSync(file, 'utf8').split('\n')[0]), signal);
  } catch (error) {
    if (!['ENOENT', 'ESRCH'].includes(error.code)) throw error;
  }
}
