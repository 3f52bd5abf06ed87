import { accessSync, constants, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { codeOf } from '../database/error-code.js';
import { CannotStart } from './cannot-start.js';

/** Makes the folder for everything kept on this machine, and answers its full path. */
export function makeDataFolder(folder: string): string {
  const path = resolve(folder);
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return path;
  } catch (error) {
    const code = codeOf(error) ?? 'unknown error';
    const reason = reasons[code] ?? code;
    throw new CannotStart(`The data folder ${path} cannot be used: ${reason}. CHORUS_DATA names another one.`, {
      cause: error,
    });
  }
}

const reasons: Readonly<Record<string, string>> = {
  EEXIST: 'there is a file of that name',
  ENOTDIR: 'a part of the path is a file',
  EACCES: 'this account may not write there',
  EPERM: 'this account may not write there',
  EROFS: 'its file system is read-only',
  ENOSPC: 'the disk is full',
};
