import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { FolderLock } from '../../src/platform/database/folder-lock.js';
import { testFolder } from '../support/test-folder.js';

/** Another process that holds the lock until it is killed. Written out here, because the other process has no compiler. */
const holder = `
  const { DatabaseSync } = require('node:sqlite');
  new DatabaseSync(process.argv[1]).exec('begin exclusive');
  console.log('held');
  setInterval(() => undefined, 1000);`;

describe('the lock of a folder', () => {
  const path = join(mkdtempSync(join(testFolder(), 'lock-')), 'a.lock');
  const others: ReturnType<typeof spawn>[] = [];
  afterAll(() => others.forEach((other) => other.kill('SIGKILL')));

  test('is held by one at a time', async () => {
    const first = await FolderLock.take(path);
    expect(first).toBeDefined();
    expect(await FolderLock.take(path)).toBeUndefined();
    first?.release();
    const second = await FolderLock.take(path);
    expect(second).toBeDefined();
    second?.release();
    second?.release();
  });

  test('is waited for, but not longer than asked', async () => {
    const first = await FolderLock.take(path);
    const waiting = FolderLock.take(path, 5_000);
    expect(await FolderLock.take(path, 60)).toBeUndefined();
    first?.release();
    (await waiting)?.release();
    expect(await waiting).toBeDefined();
  });

  test('is free as soon as its holder is killed', async () => {
    const other = spawn(process.execPath, ['-e', holder, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    others.push(other);
    await once(other.stdout, 'data');
    expect(await FolderLock.take(path)).toBeUndefined();
    other.kill('SIGKILL');
    await once(other, 'close');
    const lock = await FolderLock.take(path);
    expect(lock).toBeDefined();
    lock?.release();
  });
});
