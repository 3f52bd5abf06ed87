import type { PromptUid } from '../../src/kernel/ids.js';
import type { Database } from '../../src/platform/database/database.js';
import { type Asking, inReadSnapshot } from '../../src/platform/projecting/read-snapshot.js';
import { CrowdSums } from './crowd-sums.js';

export interface Watched {
  readonly promptUid: PromptUid;
  readonly durationSeconds: number;
}

/**
 * The sums of one prompt as the tables have them, with the position they belong to: all of it one snapshot, taken in slices,
 * because the rows of some hundred thousand people at once would keep everybody else waiting while they are read.
 */
export function crowdInTables(database: Pick<Database, 'pool'>, watched: Watched): Promise<CrowdSums> {
  return inReadSnapshot(database, ['prefix_sums', 'prefix_sums_people'], async (asking) => {
    const [row] = await asking.query(checkpoint.columns, checkpoint.sql);
    const sums = new CrowdSums(watched.durationSeconds, BigInt(row?.position ?? 0));
    await takeSums(asking, watched, sums);
    await takePeople(asking, watched, sums);
    return sums;
  });
}

async function takeSums(asking: Asking, { promptUid }: Watched, sums: CrowdSums): Promise<void> {
  for (let after = -1, isFull = true; isFull;) {
    const rows = await asking.query(nodes.columns, nodes.sql, [promptUid, after, after + nodesPerSlice]);
    for (const row of rows) sums.setNode(row);
    after += nodesPerSlice;
    isFull = after < sums.lastNode;
  }
}

async function takePeople(asking: Asking, { promptUid }: Watched, sums: CrowdSums): Promise<void> {
  for (let after = '', isFull = true; isFull;) {
    const rows = await asking.query(people.columns, people.sql, [promptUid, after]);
    for (const { user_sub, presence } of rows) sums.setPerson(user_sub, presence);
    after = rows.at(-1)?.user_sub ?? after;
    isFull = rows.length === peoplePerSlice;
  }
}

/** A few milliseconds' work each. A node has a row for each possible answer, and some more. */
const peoplePerSlice = 500;
const nodesPerSlice = 256;

const checkpoint = {
  columns: { position: 'bigint' },
  sql: `select builds.position from projecting.active join projecting.builds using (projection, build)
        where projection = 'prefix_sums'`,
} as const;

const nodes = {
  columns: { category: 'text', value: 'integer', node: 'integer', total: 'bigint' },
  sql: `select category, value, node, total from read.prefix_sums
        where prompt_uid = $1 and node > $2 and node <= $3`,
} as const;

const people = {
  columns: { user_sub: 'text', presence: 'jsonb' },
  sql: `select user_sub, presence from read.prefix_sums_people
        where prompt_uid = $1 and user_sub > $2 order by user_sub limit ${String(peoplePerSlice)}`,
} as const;
