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
import { Tail } from '../event-store/tail.js';
import { Leases } from '../leasing/lease.js';
import { HealthChecks } from '../telemetry/health.js';
import { LOG, type Log } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { Builds } from './builds.js';
import { Continuity } from './continuity.js';
import { DatabaseProgress } from './database-progress.js';
import { DeadLetters } from './dead-letters.js';
import { ProjectionEngine, type EngineParts } from './engine.js';
import { ProjectionLag } from './lag.js';
import { ProgressBoard } from './progress-board.js';
import { ProjectionProgress } from './progress.js';
import type { Projection } from './projection.js';
import { healthOf, showInMetrics } from './projecting-telemetry.js';
import { ReadModels } from './read-models.js';
import { Rebuilds } from '../rebuilding/rebuilds.js';

const PROJECTIONS = Symbol('Projections');

/** In every role, read models can be asked and waited for. The roles that work keep them up to date. */
@Module({})
export class ProjectingModule implements OnApplicationBootstrap, OnApplicationShutdown {
  private engine: ProjectionEngine | undefined;

  constructor(
    private readonly modules: ModuleRef,
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: Database,
    @Inject(PROJECTIONS) private readonly projections: readonly Projection[],
  ) {}

  static forRoot({ projections }: { readonly projections: readonly Projection[] }): DynamicModule {
    return {
      module: ProjectingModule,
      global: true,
      providers: [
        ProgressBoard,
        { provide: PROJECTIONS, useValue: projections },
        { provide: Builds, useFactory: (database: Database) => new Builds(database), inject: [Database] },
        { provide: DeadLetters, useFactory: (database: Database) => new DeadLetters(database), inject: [Database] },
        { provide: Rebuilds, useFactory: (database: Database) => new Rebuilds(database), inject: [Database] },
        { provide: ReadModels, useFactory: (database: Database) => new ReadModels(database), inject: [Database] },
        {
          provide: ProjectionProgress,
          useFactory: (database: Database, board: ProgressBoard) => new DatabaseProgress(database, board),
          inject: [Database, ProgressBoard],
        },
        {
          provide: ProjectionLag,
          useFactory: (
            store: EventStore,
            builds: Builds,
            letters: DeadLetters,
            board: ProgressBoard,
            rebuilds: Rebuilds,
          ) => new ProjectionLag(projections, { store, builds, letters, board, rebuilds }),
          inject: [EventStore, Builds, DeadLetters, ProgressBoard, Rebuilds],
        },
      ],
      exports: [ProjectionProgress, ProjectionLag, ReadModels, Builds, DeadLetters, Rebuilds],
    };
  }

  /** When it is through, and requests come in, every read model exists. */
  async onApplicationBootstrap(): Promise<void> {
    const lag = this.part(ProjectionLag);
    showInMetrics(this.part(Metrics), lag, this.part(ProgressBoard));
    await this.refuseWhatTheLogLeftBehind();
    if (this.config.CHORUS_ROLE === 'api') return;
    this.part(HealthChecks).add('projections', () => healthOf(lag));
    this.engine = new ProjectionEngine(this.projections, this.engineParts());
    await this.engine.start();
  }

  /** The last requests, which may be waiting for a read model, have been answered by now. */
  async onApplicationShutdown(): Promise<void> {
    await this.engine?.stop();
  }

  private async refuseWhatTheLogLeftBehind(): Promise<void> {
    const log = this.modules.get<Log>(LOG, { strict: false });
    for (const sentence of await new Continuity(this.database, this.part(EventStore)).ensureAll()) log.error(sentence);
  }

  private engineParts(): EngineParts {
    const log = this.modules.get<Log>(LOG, { strict: false });
    return {
      database: this.database,
      store: this.part(EventStore),
      tail: this.part(Tail),
      leases: this.part(Leases),
      board: this.part(ProgressBoard),
      onNewVersion: (projection) =>
        this.part(Rebuilds).addVersion(projection, { switches: this.config.REBUILD_SWITCH === 'auto' }),
      onFailure: (projection, err) => {
        log.error({ projection, err }, 'projection failed');
      },
    };
  }

  private part<Part>(part: abstract new (...args: never) => Part): Part {
    return this.modules.get<Part>(part, { strict: false });
  }
}
