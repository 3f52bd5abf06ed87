import { z } from 'zod';
import type { Database } from '../database/database.js';
import type { Projection } from '../projecting/projection.js';
import type { Querying } from '../projecting/read-rows.js';
import { Row, type Rebuild, type RebuildRequest } from './rebuild.js';

/** The rows in `projecting.rebuilds`. What is asked of them comes from anywhere; what becomes of them only from the rebuilder. */
export class Rebuilds {
  constructor(private readonly database: Pick<Database, 'pool'>) {}

  /** The latest rebuild of each projection, and every one that is not over yet. */
  async list(): Promise<readonly Rebuild[]> {
    return this.read(`
      where state = any('{planned,replaying,catching_up,indexing,verifying,ready,switched}')
         or rebuild in (select max(rebuild) from projecting.rebuilds group by projection)`);
  }

  /** The latest of this projection. */
  async of(projection: string): Promise<Rebuild | undefined> {
    const [latest] = await this.read('where projection = $1 order by rebuild desc limit 1', [projection]);
    return latest;
  }

  async find(rebuild: string): Promise<Rebuild | undefined> {
    const [found] = await this.read('where rebuild = $1', [rebuild]);
    return found;
  }

  /** What there is for the rebuilder to look at. */
  async due(): Promise<readonly Rebuild[]> {
    return this.read(`
      where state = any('{planned,replaying,catching_up,indexing,verifying,ready,switched}')
         or request is not null
         or (state = 'rolled_back' and grace_until is not null)
      order by rebuild`);
  }

  /** Why the build of a new version is not read yet although it was asked for by the program itself. */
  async stuckVersions(): Promise<ReadonlyMap<string, string>> {
    const stuck = await this.read(
      `where reason = 'version' and problem is not null
       and state = any('{planned,replaying,catching_up,indexing,verifying,ready}')`,
    );
    return new Map(stuck.map(({ projection, problem }) => [projection, problem ?? '']));
  }

  /** One pass for all of them. Those that are being rebuilt already are left alone, and not among the answer. */
  async add(projections: readonly Projection[], asked: Asked): Promise<readonly Rebuild[]> {
    const { rows } = await this.database.pool.query(
      `with pass as materialized (select nextval('projecting.passes') as pass)
       insert into projecting.rebuilds (pass, projection, version, reason, state, switches, expected, throttle, steps)
       select pass, u.projection, u.version, $3, 'planned', $4,
         array(select jsonb_array_elements_text($5::jsonb -> u.projection)), $6, jsonb_build_object('planned', clock_timestamp())
       from pass, unnest($1::text[], $2::integer[]) as u (projection, version)
       on conflict do nothing returning rebuild`,
      [
        projections.map(({ name }) => name),
        projections.map(({ version }) => version),
        asked.reason,
        asked.switches,
        JSON.stringify(Object.fromEntries(asked.expected ?? [])),
        asked.throttle ?? null,
      ],
    );
    const added = z.array(z.object({ rebuild: z.string() })).parse(rows);
    return this.read('where rebuild = any($1) order by rebuild', [added.map(({ rebuild }) => rebuild)]);
  }

  /**
   * What a program asks for whose version is above that of the live build. Not again after it was rolled back or aborted: then
   * somebody has said no.
   */
  async addVersion({ name, version }: Projection, { switches }: Pick<Asked, 'switches'>): Promise<void> {
    await this.database.pool.query(
      `insert into projecting.rebuilds (pass, projection, version, reason, state, switches, steps)
       select nextval('projecting.passes'), $1, $2, 'version', 'planned', $3, jsonb_build_object('planned', clock_timestamp())
       where not exists (
         select 1 from projecting.rebuilds
         where projection = $1 and (
           (version = $2 and state in ('rolled_back', 'aborted'))
           or state in ('planned', 'replaying', 'catching_up', 'indexing', 'verifying', 'ready')))
       on conflict do nothing`,
      [name, version, switches],
    );
  }

  /** What is expected to differ is added to what was expected before. A problem is thereby answered. */
  async request(rebuild: string, request: RebuildRequest, expected: readonly string[] = []): Promise<void> {
    await this.database.pool.query(
      `update projecting.rebuilds
       set request = $2, orders = orders + 1, problem = null, paused_at = null, moved_at = clock_timestamp(),
           expected = array(select distinct unnest(expected || $3::text[]) order by 1)
       where rebuild = $1`,
      [rebuild, request, expected],
    );
  }

  async pause(rebuild: string): Promise<void> {
    await this.database.pool.query(
      `update projecting.rebuilds set paused_at = coalesce(paused_at, clock_timestamp()) where rebuild = $1`,
      [rebuild],
    );
  }

  /** Goes on, also after a problem. */
  async resume(rebuild: string): Promise<void> {
    await this.database.pool.query(
      'update projecting.rebuilds set orders = orders + 1, paused_at = null, problem = null where rebuild = $1',
      [rebuild],
    );
  }

  async throttle(rebuild: string, eventsPerS: number | null): Promise<void> {
    await this.database.pool.query('update projecting.rebuilds set throttle = $2 where rebuild = $1', [
      rebuild,
      eventsPerS,
    ]);
  }

  /** From now on only the rebuilder with this epoch changes the row. Rejects with RebuilderReplaced. */
  async claim(rebuild: string, epoch: number): Promise<void> {
    const { rowCount } = await this.database.pool.query(
      'update projecting.rebuilds set epoch = $2 where rebuild = $1 and epoch <= $2',
      [rebuild, epoch],
    );
    if (rowCount !== 1) throw new RebuilderReplaced(epoch);
  }

  /**
   * What the rebuilder has to say. With the change that it belongs to, if that is a transaction. It may have taken long: where
   * somebody has given another order meanwhile, that one stands, and nothing stops it. Rejects with RebuilderReplaced.
   */
  async change({ rebuild, epoch, orders }: Held, change: Change, within: Querying = this.database.pool): Promise<void> {
    const set = Object.entries(change);
    const assignments = set.map(([name, value], at) => assignment(name, value, `$${String(at + 4)}`));
    // Orders only become more, so the last condition always holds: it gives $3 a place where no order is answered.
    const { rowCount } = await within.query(
      `update projecting.rebuilds set ${[...assignments, 'moved_at = clock_timestamp()'].join(', ')}
       where rebuild = $1 and epoch = $2 and orders >= $3`,
      [rebuild, epoch, orders, ...set.map(([, value]) => parameter(value))],
    );
    if (rowCount !== 1) throw new RebuilderReplaced(epoch);
  }

  private async read(where: string, values: readonly unknown[] = []): Promise<readonly Rebuild[]> {
    const { rows } = await this.database.pool.query(`select ${columns} from projecting.rebuilds r ${where}`, [
      ...values,
    ]);
    return z.array(Row).parse(rows);
  }
}

export interface Asked {
  readonly reason: Rebuild['reason'];
  /** Readers see the new build as soon as it is proven. */
  readonly switches: boolean;
  /** By projection. */
  readonly expected?: ReadonlyMap<string, readonly string[]>;
  readonly throttle?: number | undefined;
}

/** A rebuild under the lease epoch that claimed it. */
export interface Held {
  readonly rebuild: string;
  readonly epoch: number;
  /** How many orders it had when it was read. */
  readonly orders: number;
}

export interface Change {
  readonly state?: Rebuild['state'];
  readonly build?: string | null;
  readonly replaced?: string | null;
  readonly request?: null;
  readonly problem?: string | null;
  readonly plan?: Rebuild['plan'];
  readonly target?: bigint;
  readonly events?: number;
  readonly events_per_s?: number;
  readonly report?: Rebuild['report'];
  readonly grace_until?: Date | null;
}

/** Another process carries rebuilds out now. */
export class RebuilderReplaced extends Error {
  override readonly name = 'RebuilderReplaced';
  constructor(epoch: number) {
    super(`The rebuilder with epoch ${String(epoch)} was replaced.`);
  }
}

function assignment(name: string, value: unknown, place: string): string {
  if (name === 'state')
    return `state = ${place}, steps = steps || jsonb_build_object(${place}::text, clock_timestamp())`;
  if (name === 'request' || name === 'problem') return `${name} = case when orders = $3 then ${place} else ${name} end`;
  return `${name} = ${place}${typeof value === 'object' && value !== null && !(value instanceof Date) ? '::jsonb' : ''}`;
}

function parameter(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !(value instanceof Date) ? JSON.stringify(value) : value;
}

const columns = `rebuild, pass, projection, version, build, replaced, reason, state, request, orders, switches, problem,
  epoch, expected, plan, throttle, target, events, report, steps, paused_at as "pausedAt", events_per_s as "eventsPerS",
  grace_until as "graceUntil", moved_at as "movedAt",
  (select b.position from projecting.builds b where b.build = r.build and b.state <> 'retired') as position`;
