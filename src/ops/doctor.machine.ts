import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Config } from '../platform/config/config.js';
import { codeOf } from '../platform/database/error-code.js';
import { fine, wrong, type Finding } from './finding.js';

const diskBytesMin = 1_073_741_824;
const answerMsMax = 2_000;

/** Looks without making anything: a check must not change what it checks. */
export function checkDataFolder(config: Config): Finding {
  const folder = resolve(config.CHORUS_DATA);
  const existing = nearestExisting(folder);
  if (!statSync(existing).isDirectory()) {
    return wrong(
      'data folder',
      `${existing} is a file, not a folder`,
      'set CHORUS_DATA to a folder, or move the file away',
    );
  }
  try {
    accessSync(existing, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    return wrong(
      'data folder',
      `${existing} may not be written by this account (${codeOf(error) ?? 'unknown'})`,
      'set CHORUS_DATA to a folder that may',
    );
  }
  return fine('data folder', existing === folder ? folder : `${folder}, not there yet; the first start makes it`);
}

export async function checkDisk(config: Config): Promise<Finding> {
  const existing = nearestExisting(resolve(config.CHORUS_DATA));
  const { bavail, bsize } = await statfs(existing);
  const free = bavail * bsize;
  const says = `${(free / diskBytesMin).toFixed(1)} GB free where the data folder is`;
  return free >= diskBytesMin ? fine('disk', says) : wrong('disk', says, 'make room: a database without any stops');
}

export function checkSecrets(config: Config): Finding {
  const given = [
    config.OSEH_ID_TOKEN_SECRET,
    config.OSEH_INTERACTIVE_PROMPT_JWT_SECRET,
    config.OSEH_JOURNEY_JWT_SECRET,
    config.OSEH_IMAGE_FILE_JWT_SECRET,
  ];
  if (given.every((secret) => secret !== undefined)) return fine('secrets', 'all from the environment');
  const file = join(resolve(config.CHORUS_DATA), 'secrets.json');
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return fine('secrets', 'not there yet; the first start makes them');
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    return wrong('secrets', `${file} can be read by other accounts`, `chmod 600 ${file}`);
  }
  return fine('secrets', `made on this machine, in ${file}`);
}

const Alive = z.object({ alive: z.literal(true) });

export async function checkPort({ HOST, PORT }: Config): Promise<Finding> {
  if (PORT === 0) return fine('port', 'any free one');
  const host = HOST === '0.0.0.0' || HOST === '::' ? '127.0.0.1' : HOST;
  const where = `port ${String(PORT)} of ${HOST}`;
  if (!(await somebodyListens(host, PORT))) return fine('port', `${where} is free`);
  return (await isOurs(host, PORT))
    ? fine('port', `Chorus answers on ${where}`)
    : wrong('port', `${where} is taken by another program`, 'set PORT to a free one, or to 0 for any');
}

async function somebodyListens(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  const connected = new Promise<boolean>((decided) => {
    socket.once('connect', () => decided(true));
    socket.once('error', () => decided(false));
  });
  const listens = await Promise.race([connected, sleep(answerMsMax, false, { ref: false })]);
  socket.destroy();
  return listens;
}

async function isOurs(host: string, port: number): Promise<boolean> {
  const address = host.includes(':') ? `[${host}]` : host;
  try {
    const answer = await fetch(`http://${address}:${String(port)}/health/live`, {
      signal: AbortSignal.timeout(answerMsMax),
    });
    return Alive.safeParse(await answer.json()).success;
  } catch {
    // Whatever answers something else, or nothing, is another program.
    return false;
  }
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}
