import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The account that runs the server. */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
}

/**
 * PostgreSQL refuses to run as root. When this program is root (a container, usually), the server gets an existing account
 * without rights: the one that already owns the data, else `postgres`, else `nobody`. Nothing is created on the system.
 * Undefined: the server runs as whoever runs this program.
 */
export function serverAccount(dataFolder: string): ServerAccount | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(dataFolder, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return (
    accountNamed('postgres') ?? accountNamed('_postgres') ?? accountNamed('nobody') ?? { uid: 65_534, gid: 65_534 }
  );
}

/** The first folder on the way to any of these paths that the account may not pass. */
export function firstClosedFolder(account: ServerAccount, paths: readonly string[]): string | undefined {
  return paths.flatMap(foldersAbove).find((folder) => !mayPass(account, folder));
}

/**
 * A program in root's home is out of reach for every other account. Root can lend the server one capability, to pass folders,
 * where the kernel and `setpriv` (util-linux) allow it: the server stays without root's other rights. Containers often
 * keep the wider of the two capabilities and drop the narrower.
 */
export function lentPassage(account: ServerAccount): { command: string; options: string[] } | undefined {
  const command = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
  const capability = [
    { name: 'dac_read_search', bit: 2n },
    { name: 'dac_override', bit: 1n },
  ].find(({ bit }) => (effectiveCapabilities() >> bit) & 1n);
  if (command === undefined || capability === undefined) return undefined;
  const { uid, gid } = account;
  const identity = [`--reuid=${String(uid)}`, `--regid=${String(gid)}`, '--clear-groups'];
  return { command, options: [...identity, `--inh-caps=+${capability.name}`, `--ambient-caps=+${capability.name}`] };
}

function accountNamed(name: string): ServerAccount | undefined {
  const accounts = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8') : '';
  const found = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(accounts);
  return found === null ? undefined : { uid: Number(found[1]), gid: Number(found[2]) };
}

function effectiveCapabilities(): bigint {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  return BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
}

function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [above] : [...foldersAbove(above), above];
}

function mayPass(account: ServerAccount, folder: string): boolean {
  const { uid, gid, mode } = statSync(folder);
  if (uid === account.uid) return (mode & 0o100) !== 0;
  if (gid === account.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}
