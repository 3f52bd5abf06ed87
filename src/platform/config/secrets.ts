import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf } from '../database/error-code.js';
import { FolderLock } from '../database/folder-lock.js';
import { CannotStart } from './cannot-start.js';
import type { Config } from './config.js';
import { makeDataFolder } from './data-folder.js';

const names = [
  'OSEH_ID_TOKEN_SECRET',
  'OSEH_INTERACTIVE_PROMPT_JWT_SECRET',
  'OSEH_JOURNEY_JWT_SECRET',
  'OSEH_IMAGE_FILE_JWT_SECRET',
] as const;
type SecretName = (typeof names)[number];

/** The configuration with every secret in it. */
export type ConfigWithSecrets = Config & Readonly<Record<SecretName, string>>;

export interface Secrets {
  readonly config: ConfigWithSecrets;
  /** Those that nobody set. A secret that was made here belongs to a machine where somebody develops. */
  readonly generated: ReadonlySet<SecretName>;
}

const SecretFile = z.partialRecord(z.enum(names), z.string().min(16));
type SecretFile = z.infer<typeof SecretFile>;

const lockMsMax = 10_000;

/** Secrets come from the environment; each that is absent is made once and kept in the data folder. */
export async function withSecrets(config: Config): Promise<Secrets> {
  const missing = names.filter((name) => config[name] === undefined);
  const kept = missing.length === 0 ? {} : await keptSecrets(makeDataFolder(config.CHORUS_DATA), missing);
  const secret = (name: SecretName) => config[name] ?? kept[name] ?? neitherGivenNorMade(name);
  const complete = {
    ...config,
    OSEH_ID_TOKEN_SECRET: secret('OSEH_ID_TOKEN_SECRET'),
    OSEH_INTERACTIVE_PROMPT_JWT_SECRET: secret('OSEH_INTERACTIVE_PROMPT_JWT_SECRET'),
    OSEH_JOURNEY_JWT_SECRET: secret('OSEH_JOURNEY_JWT_SECRET'),
    OSEH_IMAGE_FILE_JWT_SECRET: secret('OSEH_IMAGE_FILE_JWT_SECRET'),
  };
  return { config: Object.freeze(complete), generated: new Set(missing) };
}

/** Several processes may start at once on a new folder: they must end up with the same secrets. */
async function keptSecrets(folder: string, wanted: readonly SecretName[]): Promise<SecretFile> {
  const lock = await FolderLock.take(join(folder, 'secrets.lock'), lockMsMax);
  if (lock === undefined)
    throw new CannotStart(
      `Another program has held ${join(folder, 'secrets.lock')} for ${String(lockMsMax / 1_000)} s.`,
    );
  try {
    const path = join(folder, 'secrets.json');
    const kept = readSecrets(path);
    const made = wanted
      .filter((name) => kept[name] === undefined)
      .map((name) => [name, randomBytes(32).toString('base64url')]);
    const all = { ...kept, ...SecretFile.parse(Object.fromEntries(made)) };
    if (made.length > 0) writeSecrets(path, all);
    return all;
  } finally {
    lock.release();
  }
}

function readSecrets(path: string): SecretFile {
  try {
    return SecretFile.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return {};
    if (codeOf(error) === 'EACCES') {
      throw new CannotStart(`${path} belongs to another account: start as the account that made it, or as root.`);
    }
    // Making new ones instead would silently refuse every token that was handed out.
    throw new CannotStart(`${path} cannot be read as secrets: restore it, or remove it to have new ones made.`, {
      cause: error,
    });
  }
}

/** All or nothing, on the disk before it is in its place. */
function writeSecrets(path: string, secrets: SecretFile): void {
  const file = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify(secrets, null, 2)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
}

function neitherGivenNorMade(name: SecretName): never {
  throw new TypeError(`${name} was neither given nor made.`);
}
