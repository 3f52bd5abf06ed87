import type pg from 'pg';

const everyMs = 3_600_000;
const perStatementMax = 10_000;

/**
 * Forgets command ids that are older than the policy says. Every worker may do it: deleting twice is deleting once.
 *
 * A repetition that arrives later than this is carried out as a new command, which the stream's own rules then judge.
 */
export class LedgerExpiry {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: { readonly pool: pg.Pool },
    private readonly options: { readonly days: number; readonly onError: (error: unknown) => void },
  ) {}

  start(): void {
    const run = (): void => {
      this.expire().catch(this.options.onError);
    };
    this.timer ??= setInterval(run, everyMs).unref();
    run();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** In short statements, so that no append waits for the clean-up's locks. Answers how many were forgotten. */
  async expire(): Promise<number> {
    let forgotten = 0;
    for (;;) {
      const { rowCount } = await this.database.pool.query(
        `delete from log.commands where id in (
           select id from log.commands where recorded_at < now() - make_interval(days => $1) limit $2)`,
        [this.options.days, perStatementMax],
      );
      forgotten += rowCount ?? 0;
      if ((rowCount ?? 0) < perStatementMax) return forgotten;
    }
  }
}
