import { z } from 'zod';
import type { Config } from '../platform/config/config.js';
import type { Printing } from './environment.js';
import { withMigratedDatabase } from './open-database.js';
import { printJson, printLine, printTable, say } from './output.js';

const Listed = z.object({
  head: z.coerce.number(),
  projections: z.array(
    z.object({
      name: z.string(),
      version: z.number(),
      state: z.enum(['building', 'live', 'previous']),
      paused: z.boolean(),
      refused: z.string().nullable(),
      position: z.number(),
      lag: z.number(),
      owner: z.string().nullable(),
      dead_letters: z.number(),
    }),
  ),
});

export async function listProjections(config: Config, { json }: Printing): Promise<void> {
  const { head, projections } = await withMigratedDatabase(config, async ({ pool }) => {
    const [row] = z.tuple([Listed]).parse((await pool.query(list)).rows);
    return row;
  });
  if (json === true) {
    printJson({ head, projections });
    return;
  }
  printLine(`The log ends at position ${String(head)}.\n`);
  printTable(
    ['projection', 'version', 'state', 'position', 'lag', 'dead letters', 'owner'],
    projections.map((each) => [
      each.name,
      each.version,
      [each.state, ...(each.paused ? ['paused'] : []), ...(each.refused === null ? [] : ['refused'])].join(', '),
      each.position,
      each.lag,
      each.dead_letters,
      each.owner,
    ]),
  );
  for (const { refused } of projections) if (refused !== null) say(refused);
}

/** One statement, so that no position can be ahead of the head it is compared with. */
const list = `
  with log as (select coalesce(max(position), 0) as head from log.events),
  builds as (
    select b.projection as name, b.version, b.state, b.paused_at is not null as paused, b.refused, b.position, greatest(log.head - b.position, 0) as lag, l.owner,
      (select count(*) from projecting.dead_letters d where d.build = b.build and d.state <> 'resolved') as dead_letters
    from log cross join projecting.builds b
    left join projecting.leases l
      on l.name = case b.state when 'building' then 'rebuilds' else format('projection %s v%s', b.projection, b.version) end
      and l.expires_at > clock_timestamp()
    where b.state not in ('scratch', 'retired')
  )
  select head, (select coalesce(json_agg(builds order by name, version), '[]') from builds) as projections from log`;
