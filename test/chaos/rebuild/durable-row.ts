import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { states } from '../../../src/platform/rebuilding/rebuild.js';
import type { Installation } from '../under-load/installation.js';

/** What the database says of the latest rebuild, read past the program: this is all that a killed worker leaves behind. */
const Found = z.object({
  rebuild: z.string(),
  state: z.enum(states),
  request: z.string().nullable(),
  problem: z.string().nullable(),
  /** Of the lease under which somebody last took it up. */
  epoch: z.coerce.number(),
  /** Of the new build. */
  position: z.coerce.bigint().nullable(),
  target: z.coerce.bigint(),
  /** The schema of the new build, and of the build that it replaces or replaced, while they are there. */
  next: z.string().nullable(),
  former: z.string().nullable(),
});
export type DurableRow = Readonly<z.infer<typeof Found>>;

export async function durableRow(
  { ask }: Pick<Installation, 'ask'>,
  projection: string,
): Promise<DurableRow | undefined> {
  const rows = await ask(
    `select r.rebuild, r.state, r.request, r.problem, r.epoch, r.target, n.position, n.schema as next, f.schema as former
     from projecting.rebuilds r
     left join projecting.builds n on n.build = r.build and n.state <> 'retired'
     left join projecting.builds f on f.build = r.replaced and f.state <> 'retired'
     where r.projection = $1 order by r.rebuild desc limit 1`,
    [projection],
  );
  return z.array(Found).parse(rows)[0];
}

/** The first look at the row that is as wanted. Rejects when a problem stopped the rebuild, which nothing here should cause. */
export async function untilRow(
  installed: Pick<Installation, 'ask'>,
  { projection, signal }: { readonly projection: string; readonly signal: AbortSignal },
  isWanted: (row: DurableRow) => boolean,
): Promise<DurableRow> {
  for (;;) {
    signal.throwIfAborted();
    const row = await durableRow(installed, projection);
    if (row !== undefined && row.problem !== null) throw new Error(`${projection} stopped. ${row.problem}`);
    if (row !== undefined && isWanted(row)) return row;
    await sleep(lookMs);
  }
}

/** Some steps take hardly longer. */
const lookMs = 2;
