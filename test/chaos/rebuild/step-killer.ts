import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Dice } from '../interleave/dice.js';
import type { Installation } from '../under-load/installation.js';
import { durableRow, untilRow, type DurableRow } from './durable-row.js';
import { projection, steps, type Obstacle, type Step, type StepName } from './steps.js';

/**
 * Kills the worker in the middle of a step, and counts the kill only if the row says afterwards, when nothing of the dead
 * worker is left in the database, that the step was not done. Then it waits until somebody has taken the rebuild up again.
 */
export class StepKiller {
  readonly killed = new Map<StepName, number>();
  readonly resumedMs: number[] = [];
  /** Kills that came when the step was over already. */
  late = 0;

  constructor(
    private readonly installed: Installation,
    private readonly dice: Dice,
    private readonly signal: AbortSignal,
  ) {}

  /** `begin` asks for the step, where it doesn't follow by itself from the one before. */
  async killAt(name: StepName, begin: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const step = steps[name];
    const inTheWay = await this.obstruct(step, step.obstacle);
    let before: DurableRow | undefined;
    let killedAt = new Date();
    try {
      await begin();
      before = await this.inTheMiddleOf(step, inTheWay !== undefined);
      if (before !== undefined) {
        killedAt = new Date();
        this.kill();
      }
    } finally {
      await inTheWay?.end();
    }
    if (before !== undefined) await this.reckon(name, before, killedAt);
  }

  private async reckon(name: StepName, { epoch, rebuild }: DurableRow, killedAt: Date): Promise<void> {
    await this.nothingLeftOf(killedAt);
    const left = await durableRow(this.installed, projection);
    if (left?.rebuild === rebuild && steps[name].isIn(left)) {
      this.killed.set(name, (this.killed.get(name) ?? 0) + 1);
    } else this.late += 1;
    await untilRow(this.installed, this.looking, (row) => row.epoch > epoch);
    this.resumedMs.push(Date.now() - killedAt.getTime());
  }

  /** Undefined when the step was over before anybody could be in its way. */
  private async obstruct({ isOver }: Step, obstacle: Obstacle | undefined): Promise<pg.Client | undefined> {
    if (obstacle === undefined) return undefined;
    const { from, relation, mode } = obstacle;
    const row = await untilRow(this.installed, this.looking, (each) => from(each) || isOver(each));
    const named = relation(row);
    if (named === null) return undefined;
    const client = new pg.Client({ connectionString: this.installed.databaseUrl, application_name: 'in the way' });
    await client.connect();
    await client.query('begin');
    await client.query(`lock table ${named} in ${mode} mode`);
    return client;
  }

  private async inTheMiddleOf({ isIn, isOver }: Step, isHeldUp: boolean): Promise<DurableRow | undefined> {
    for (;;) {
      const row = await untilRow(this.installed, this.looking, (each) => isIn(each) || isOver(each));
      if (!isIn(row)) return undefined;
      if (!isHeldUp || (await this.waits())) return row;
      await sleep(2);
    }
  }

  /** For a lock, with a statement that changes which builds there are or how they are found. */
  private async waits(): Promise<boolean> {
    const rows = await this.installed.ask(
      `select 1 from pg_stat_activity
       where application_name = 'chorus worker' and wait_event_type = 'Lock' and query ~* '^\\s*(drop|create|analyze)'`,
    );
    return rows.length > 0;
  }

  /** A session ends when it notices that nobody listens any more; a transaction that was not committed ends with it. */
  private async nothingLeftOf(killedAt: Date): Promise<void> {
    const old = `select 1 from pg_stat_activity where application_name = 'chorus worker' and backend_start < $1`;
    while ((await this.installed.ask(old, [killedAt])).length > 0) {
      this.signal.throwIfAborted();
      await sleep(5);
    }
  }

  /** There is one, so that nobody else can have gone on before it is back. */
  private kill(): void {
    const [worker] = this.installed.workers;
    if (worker === undefined) throw new Error('No worker was started.');
    worker.kill(this.dice.below(restMsMax));
  }

  private get looking() {
    return { projection, signal: this.signal };
  }
}

const restMsMax = 800;
