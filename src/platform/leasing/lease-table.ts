import { z } from 'zod';
import type { Database } from '../database/database.js';
import type { OtherWorker } from './sharing.js';

/**
 * The rows behind the leases. Time is the database's: two workers never compare their clocks.
 *
 * Nothing here waits for a row that another worker has locked while holding one itself, so two workers that thaw at the same
 * moment cannot deadlock.
 */
export class LeaseTable {
  private readonly registered = new Set<string>();

  constructor(
    private readonly database: Pick<Database, 'pool'>,
    private readonly owner: string,
    private readonly leaseMs: number,
  ) {}

  /** Shows that this worker is alive and wants `names`, renews what it holds, and tells how the others stand. */
  async renew(names: readonly string[], epochs: ReadonlyMap<string, number>): Promise<Standing> {
    await this.register(names);
    const { rows } = await this.database.pool.query({
      name: 'leases-renew',
      text: renewSql,
      values: [this.owner, names, this.leaseMs, [...epochs.keys()], [...epochs.values()]],
    });
    const [{ renewed, free, others }] = StandingRows.parse(rows);
    return { renewed: new Set(renewed), free, others };
  }

  /** Those of `names` that were still free; each with its new epoch. */
  async take(names: readonly string[]): Promise<readonly { readonly name: string; readonly epoch: number }[]> {
    const { rows } = await this.database.pool.query({
      name: 'leases-take',
      text: takeSql,
      values: [this.owner, names, this.leaseMs],
    });
    return Taken.parse(rows);
  }

  async release(name: string, epoch: number): Promise<void> {
    await this.database.pool.query(
      `update projecting.leases set owner = null, expires_at = '-infinity' where name = $1 and owner = $2 and epoch = $3`,
      [name, this.owner, epoch],
    );
  }

  async leave(): Promise<void> {
    await this.database.pool.query('delete from projecting.workers where owner = $1', [this.owner]);
  }

  private async register(names: readonly string[]): Promise<void> {
    const fresh = names.filter((name) => !this.registered.has(name));
    if (fresh.length === 0) return;
    await this.database.pool.query(
      `insert into projecting.leases (name) select name from unnest($1::text[]) as name order by name on conflict do nothing`,
      [fresh],
    );
    for (const name of fresh) this.registered.add(name);
  }
}

export interface Standing {
  readonly renewed: ReadonlySet<string>;
  /** Leases of those asked about that nobody holds. */
  readonly free: readonly string[];
  readonly others: readonly OtherWorker[];
}

const StandingRows = z.tuple([
  z.object({
    renewed: z.array(z.string()),
    free: z.array(z.string()),
    others: z.array(z.object({ wants: z.array(z.string()), holds: z.number() })),
  }),
]);

const Taken = z.array(z.object({ name: z.string(), epoch: z.coerce.number() }));

/** The parts share one snapshot, so `free` may still list what `renewed` has just kept: the last condition takes it out. */
const renewSql = `
  with alive as (
    insert into projecting.workers as w (owner, wants, expires_at)
    values ($1, $2, clock_timestamp() + $3 * interval '1 ms')
    on conflict (owner) do update set wants = excluded.wants, expires_at = excluded.expires_at
  ), renewed as (
    update projecting.leases as l set expires_at = clock_timestamp() + $3 * interval '1 ms'
    from unnest($4::text[], $5::bigint[]) as mine (name, epoch)
    where l.name = mine.name and l.epoch = mine.epoch and l.owner = $1
    returning l.name
  )
  select
    array(select name from renewed) as renewed,
    array(
      select name from projecting.leases
      where name = any($2) and expires_at <= clock_timestamp() and name not in (select name from renewed)
      order by name
    ) as free,
    (
      select coalesce(json_agg(json_build_object('wants', wants, 'holds', (
        select count(*) from projecting.leases as l where l.owner = w.owner and l.expires_at > clock_timestamp()
      ))), '[]')
      from projecting.workers as w where owner <> $1 and expires_at > clock_timestamp()
    ) as others`;

const takeSql = `
  with gone as (
    delete from projecting.workers where ctid in (
      select ctid from projecting.workers where expires_at < clock_timestamp() - interval '1 minute' for update skip locked
    )
  )
  update projecting.leases set owner = $1, epoch = epoch + 1, expires_at = clock_timestamp() + $3 * interval '1 ms'
  where name in (
    select name from projecting.leases
    where name = any($2) and expires_at <= clock_timestamp()
    order by name for update skip locked
  )
  returning name, epoch`;
