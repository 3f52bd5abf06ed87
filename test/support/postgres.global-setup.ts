import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Makes the folder of the test run and leaves a watcher beside the run. When this process ends, also by Ctrl-C or SIGKILL, the
 * watcher's standard input closes; it then ends the programs and servers that tests have left there, and removes the folder.
 */
export default function setUp(): void {
  const folder = mkdtempSync(join(tmpdir(), 'chorus-test-'));
  // The server may run under another account, which has to be able to enter.
  chmodSync(folder, 0o755);
  process.env['CHORUS_TEST_FOLDER'] = folder;
  const watcher = spawn(process.execPath, [join(import.meta.dirname, 'remove-when-orphaned.mjs'), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  watcher.unref();
  if (watcher.stdin instanceof Socket) watcher.stdin.unref();
}
