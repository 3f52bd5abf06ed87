import { z } from 'zod';
import type { Database } from '../database/database.js';
import { Sample } from './sample.js';
import type { Samples, SelfCheck } from './self-check.js';

/** What the last check of each read model found, for every process to see. */
export class SelfCheckTable {
  constructor(private readonly database: Pick<Database, 'pool'>) {}

  /**
   * Of a row that differs its key and columns are kept, and none of its values: they may be what a person wrote.
   */
  async record(check: SelfCheck): Promise<void> {
    if (check.outcome === 'skipped') {
      await this.recordSkipped(check.projection, check.why);
      return;
    }
    const { projection, build, outcome, position, samples, rows, differencesTotal } = check;
    await this.database.pool.query(
      `insert into projecting.self_checks
         (projection, build, outcome, position, samples, rows_checked, differing, differing_total)
       values ($1, $2, $3, $4, $5, $6, $7, $8)
       on conflict (projection) do update set
         build = excluded.build, outcome = excluded.outcome, why = null, position = excluded.position,
         samples = excluded.samples, rows_checked = excluded.rows_checked, differing = excluded.differing,
         differing_total = excluded.differing_total, checked_at = clock_timestamp()`,
      [projection, build, outcome, position, JSON.stringify(samples), rows, namesOf(check), differencesTotal],
    );
  }

  /** A check that could not be made changes nothing about a mismatch that was found. */
  private async recordSkipped(projection: string, why: string): Promise<void> {
    await this.database.pool.query(
      `insert into projecting.self_checks as c (projection, outcome, why) values ($1, 'skipped', $2)
       on conflict (projection) do update set
         outcome = case c.outcome when 'mismatch' then c.outcome else excluded.outcome end,
         why = excluded.why, checked_at = clock_timestamp()`,
      [projection, why],
    );
  }

  /** Oldest first. A mismatch of a build that is no longer read has passed. */
  async list(): Promise<readonly CheckOnRecord[]> {
    const { rows } = await this.database.pool.query(`
      select c.projection, c.build, c.samples, c.position, c.differing, c.differing_total as "differingTotal",
             c.rows_checked as "rowsChecked", c.why, c.checked_at as "checkedAt",
             case when c.outcome = 'mismatch' and a.build is null then 'passed' else c.outcome end as outcome
      from projecting.self_checks c left join projecting.active a on a.projection = c.projection and a.build = c.build
      order by c.checked_at`);
    return CheckRows.parse(rows);
  }

  /** Which rows to look at again, because they were wrong the last time. */
  async standing(projection: string): Promise<{ readonly build: string; readonly samples: Samples } | undefined> {
    const check = (await this.list()).find((each) => each.projection === projection && each.outcome === 'mismatch');
    return check === undefined || check.build === null ? undefined : { build: check.build, samples: check.samples };
  }
}

const DifferingRow = z.object({
  table: z.string(),
  key: z.record(z.string(), z.json()),
  kind: z.string(),
  columns: z.array(z.string()),
});

const CheckRows = z.array(
  z.object({
    projection: z.string(),
    build: z.string().nullable(),
    outcome: z.enum(['clean', 'mismatch', 'skipped', 'passed']),
    why: z.string().nullable(),
    position: z.coerce.bigint().nullable(),
    samples: z.record(z.string(), Sample),
    differing: z.array(DifferingRow),
    differingTotal: z.coerce.number(),
    rowsChecked: z.coerce.number(),
    checkedAt: z.date(),
  }),
);
export type CheckOnRecord = Readonly<z.infer<typeof CheckRows>[number]>;

function namesOf({ differences }: Exclude<SelfCheck, { readonly outcome: 'skipped' }>): string {
  return JSON.stringify(
    differences.map(({ table, key, kind, columns }) => ({ table, key, kind, columns: Object.keys(columns) })),
  );
}
