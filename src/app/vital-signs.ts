import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Database } from '../platform/database/database.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { Tail, type TailStatus } from '../platform/event-store/tail.js';
import { HealthChecks, type Finding } from '../platform/telemetry/health.js';
import { Metrics } from '../platform/telemetry/metrics.js';

/** Reads are polled every few hundredths of a second, so a reader that was silent for so long is stuck. */
const tailSilenceMsMax = 5_000;

/** Whether the parts that everything stands on are well, and how much of them is in use. */
@Injectable()
export class VitalSigns implements OnApplicationBootstrap {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    private readonly tail: Tail,
    private readonly health: HealthChecks,
    private readonly metrics: Metrics,
  ) {}

  onApplicationBootstrap(): void {
    this.checkHealth();
    this.showUse();
  }

  private checkHealth(): void {
    this.health.add('database', async () => {
      await this.database.pool.query('select 1');
      return { ok: true };
    });
    this.health.add('log', async () => ({ ok: true, facts: { head: String(await this.store.head()) } }));
    this.health.add('tail', () => tailHealth(this.tail.status(), Date.now()));
  }

  private showUse(): void {
    const { pool } = this.database;
    this.metrics.gauge(
      { name: 'chorus_database_connections', help: 'Connections of this process, by what they do.', labels: ['state'] },
      () => [
        { labels: { state: 'idle' }, value: pool.idleCount },
        { labels: { state: 'busy' }, value: pool.totalCount - pool.idleCount },
      ],
    );
    this.metrics.gauge(
      { name: 'chorus_database_waiting', help: 'Queries that wait for a connection of this process.' },
      () => pool.waitingCount,
    );
    this.metrics.gauge({ name: 'chorus_log_head', help: 'Newest position that this process has seen.' }, () =>
      Number(this.tail.head()),
    );
  }
}

/** One that nobody has started follows nothing, and is not to blame for it. */
export function tailHealth({ at, lastReadAt, failing }: TailStatus, nowMs: number): Finding {
  const facts = { at: String(at) };
  if (failing !== undefined)
    return { ok: false, why: `reading the log has failed since ${failing.since.toISOString()}`, facts };
  const silentMs = lastReadAt === undefined ? 0 : nowMs - lastReadAt.getTime();
  if (silentMs > tailSilenceMsMax) return { ok: false, why: `the log was last read ${String(silentMs)} ms ago`, facts };
  return { ok: true, facts };
}
