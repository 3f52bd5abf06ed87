import { chmodSync, cpSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Database } from '../../src/platform/database/database.js';
import { EmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';
import { aDataFolder, postmasterPid, throwAway } from '../support/a-program.js';
import { eventually } from '../support/eventually.js';
import { testFolder } from '../support/test-folder.js';

async function serverVersion(url: string): Promise<unknown> {
  const database = await Database.open({ url, connectionsMax: 4 });
  const { rows } = await database.pool.query(`select current_setting('server_version_num')::int / 10000 as major`);
  await database.close();
  return rows;
}

describe('the embedded database', () => {
  let folder: string;

  beforeEach(() => {
    folder = aDataFolder();
  });
  afterEach(() => throwAway(folder));

  test('is one server for all who use a folder, from the first to the last of them', async () => {
    const members = await Promise.all([1, 2, 3].map(() => EmbeddedPostgres.join({ folder })));
    expect(new Set(members.map(({ url }) => url)).size).toBe(1);
    const [first, ...others] = members;
    await first?.leave();
    for (const { url } of others) expect(await serverVersion(url)).toEqual([{ major: 18 }]);
    await Promise.all(others.map((member) => member.leave()));
    expect(postmasterPid(folder)).toBeUndefined();
  });

  test('is started again on the same port when it is killed, by whoever sees it first', async () => {
    const troubles: string[] = [];
    const members = await Promise.all(
      [1, 2].map(() => EmbeddedPostgres.join({ folder, onTrouble: (sentence) => troubles.push(sentence) })),
    );
    const killed = postmasterPid(folder) ?? 0;
    process.kill(killed, 'SIGKILL');
    await eventually(() => expect(troubles.filter((said) => said.endsWith('is back'))).toHaveLength(2), 10_000);
    expect(postmasterPid(folder)).not.toBe(killed);
    for (const { url } of members) expect(await serverVersion(url)).toEqual([{ major: 18 }]);
    for (const member of members) await member.leave();
    expect(postmasterPid(folder)).toBeUndefined();
  });

  test('starts although the pid that a dead server left now belongs to another program', async () => {
    await (await EmbeddedPostgres.join({ folder })).leave();
    const left = [String(process.pid), join(folder, 'postgres'), '0', '5432', '', '127.0.0.1', '0 0', 'ready'];
    writeFileSync(join(folder, 'postgres', 'postmaster.pid'), `${left.join('\n')}\n`);
    const member = await EmbeddedPostgres.join({ folder });
    expect(await serverVersion(member.url)).toEqual([{ major: 18 }]);
    await member.leave();
  });

  test('can be reached by nobody without its password, which nobody else can read', async () => {
    const member = await EmbeddedPostgres.join({ folder });
    const wrong = new URL(member.url);
    wrong.password = 'guess';
    await expect(Database.open({ url: wrong.href, connectionsMax: 4 })).rejects.toThrow(
      'password authentication failed',
    );
    const password = join(folder, 'postgres', 'chorus.password');
    expect(statSync(password).mode & 0o077).toBe(0);
    expect(member.url).toContain(readFileSync(password, 'utf8'));
    await member.leave();
  });

  /** Only root has the trouble: its server runs as somebody else, who may not enter root's own folders. */
  const asRoot = process.getuid?.() === 0 ? test : test.skip;
  asRoot('runs for root in a folder that only root may enter', async () => {
    const closed = mkdtempSync(join(testFolder(), 'closed-'));
    chmodSync(closed, 0o700);
    const within = join(closed, 'chorus');
    const member = await EmbeddedPostgres.join({ folder: within });
    expect(await serverVersion(member.url)).toEqual([{ major: 18 }]);
    await member.leave();
    await throwAway(within);
  });

  asRoot('is handed to its account when root has restored it', async () => {
    await (await EmbeddedPostgres.join({ folder })).leave();
    const owner = statSync(join(folder, 'postgres')).uid;
    // A copy belongs to whoever copies.
    cpSync(folder, `${folder}.backup`, { recursive: true });
    rmSync(folder, { recursive: true });
    renameSync(`${folder}.backup`, folder);
    expect(statSync(join(folder, 'postgres')).uid).toBe(0);
    const member = await EmbeddedPostgres.join({ folder });
    expect(await serverVersion(member.url)).toEqual([{ major: 18 }]);
    expect(statSync(join(folder, 'postgres', 'global')).uid).toBe(owner);
    await member.leave();
  });
});
