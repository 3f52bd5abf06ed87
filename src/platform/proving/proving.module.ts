import {
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { CONFIG, type Config } from '../config/config.js';
import { Database } from '../database/database.js';
import { EventStore } from '../event-store/event-store.js';
import { Leases } from '../leasing/lease.js';
import type { Projection } from '../projecting/projection.js';
import { HealthChecks } from '../telemetry/health.js';
import { LOG, type Log } from '../telemetry/log.js';
import type { SelfCheck } from './self-check.js';
import { SelfCheckTable } from './self-check-table.js';
import { healthOf, SelfChecker } from './self-checker.js';

const CHECKED = Symbol('Checked projections');

/** The roles that work check their read models against the log, now and then. */
@Module({})
export class ProvingModule implements OnApplicationBootstrap, OnApplicationShutdown {
  private checker: SelfChecker | undefined;

  constructor(
    private readonly modules: ModuleRef,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
    @Inject(CHECKED) private readonly projections: readonly Projection[],
    private readonly database: Database,
  ) {}

  static forRoot({ projections }: { readonly projections: readonly Projection[] }): DynamicModule {
    return { module: ProvingModule, providers: [{ provide: CHECKED, useValue: projections }] };
  }

  onApplicationBootstrap(): void {
    if (this.config.CHORUS_ROLE === 'api') return;
    const { config, database } = this;
    const store = this.part(EventStore);
    const table = new SelfCheckTable(database);
    this.part(HealthChecks).add('self-check', async () => healthOf(await table.list()));
    if (config.SELF_CHECK_MINUTES === 0) return;
    const everyMs = config.SELF_CHECK_MINUTES * 60_000;
    const onFound = (check: SelfCheck): void => {
      this.tell(check);
    };
    this.checker = new SelfChecker(this.projections, { database, store, table, everyMs, onFound });
    this.checker.start(this.part(Leases));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.checker?.stop();
  }

  private part<Part>(part: abstract new (...args: never) => Part): Part {
    return this.modules.get<Part>(part, { strict: false });
  }

  private tell(check: SelfCheck): void {
    const { projection, outcome } = check;
    if (outcome === 'clean') this.log.debug({ projection, rows: check.rows }, 'self-check clean');
    if (outcome === 'skipped') this.log.warn({ projection, why: check.why }, 'self-check not possible');
    if (outcome !== 'mismatch') return;
    for (const { table, key, kind, columns } of check.differences) {
      const differing = { projection, table, key, kind, columns: Object.keys(columns), at: Number(check.position) };
      this.log.error(differing, 'a row is not what the log makes of it');
    }
  }
}
