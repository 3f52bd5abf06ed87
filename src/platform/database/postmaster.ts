import { readFileSync, readlinkSync, realpathSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from './error-code.js';

/** What a running (or killed) server left in its data folder about itself. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly ready: boolean;
}

/** The server that runs on a data folder, if one does. */
export function runningPostmaster(dataFolder: string): Postmaster | undefined {
  const left = readPidFile(dataFolder);
  return left !== undefined && servesFolder(left.pid, dataFolder) ? left : undefined;
}

/** Whether any process works in the data folder: a server, or a session that has not noticed yet that its server was killed. */
export function hasProcesses(dataFolder: string): boolean {
  if (process.platform !== 'linux') return runningPostmaster(dataFolder) !== undefined;
  const folder = realpathSync(dataFolder);
  return readdirSync('/proc').some((entry) => /^\d+$/.test(entry) && workingFolder(entry) === folder);
}

/**
 * A killed server leaves its pid file, and PostgreSQL will not start while that pid lives: it may by now belong to another
 * program, or to the dead server itself when nobody collected it (containers without an init). The file is only removed
 * when no process at all works in the data folder.
 */
export function clearStalePidFile(dataFolder: string): void {
  const left = readPidFile(dataFolder);
  if (left === undefined || !isAlive(left.pid)) return;
  if (process.platform === 'linux' && !hasProcesses(dataFolder))
    rmSync(join(dataFolder, 'postmaster.pid'), { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function servesFolder(pid: number, dataFolder: string): boolean {
  if (process.platform !== 'linux') return isAlive(pid);
  return workingFolder(String(pid)) === realpathSync(dataFolder);
}

/** Unreadable for a process that has just ended, is not yet collected, or belongs to somebody else. */
function workingFolder(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Lines: pid, folder, start time, port, socket folder, address, shared memory key, status. */
function readPidFile(dataFolder: string): Postmaster | undefined {
  try {
    const lines = readFileSync(join(dataFolder, 'postmaster.pid'), 'utf8').split('\n');
    const pid = Number(lines[0]);
    return pid > 0 ? { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' } : undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
