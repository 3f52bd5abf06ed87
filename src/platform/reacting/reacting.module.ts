import {
  Inject,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config/config.js';
import { CommandAddresses } from '../deciding/command-addresses.js';
import { EventStore } from '../event-store/event-store.js';
import { Tail } from '../event-store/tail.js';
import { Leases } from '../leasing/lease.js';
import { ProjectionProgress } from '../projecting/progress.js';
import { ReadModels } from '../projecting/read-models.js';
import { HealthChecks, type Finding } from '../telemetry/health.js';
import { Checkpoints } from './checkpoints.js';
import { DeadLetters } from './dead-letters.js';
import { Deadlines } from './deadlines.js';
import type { InformedProcess, Process } from './process.js';
import { ReactingObserver } from './reacting-observer.js';
import { ReactingTelemetry } from './reacting-telemetry.js';
import { Reactors, type ReactorParts } from './reactors.js';

const PROCESSES = Symbol('Processes');

/** Runs processes and deadlines in the roles that work. In the others it only knows about them. */
@Module({})
export class ReactingModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private reactors: Reactors | undefined;

  constructor(
    @Inject(ModuleRef) private readonly modules: ModuleRef,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(PROCESSES) private readonly processes: readonly (Process | InformedProcess)[],
  ) {}

  static forRoot({ processes }: { processes: readonly (Process | InformedProcess)[] }): DynamicModule {
    return {
      module: ReactingModule,
      global: true,
      providers: [
        Checkpoints,
        DeadLetters,
        Deadlines,
        { provide: ReactingObserver, useClass: ReactingTelemetry },
        { provide: PROCESSES, useValue: processes },
      ],
      exports: [Checkpoints, DeadLetters, Deadlines],
    };
  }

  onApplicationBootstrap(): void {
    if (this.config.CHORUS_ROLE === 'api') return;
    this.part(HealthChecks).add('processes', () => this.health());
    this.reactors = new Reactors(this.informed(), this.parts());
    this.reactors.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.reactors?.stop();
  }

  /** A process that must not run is a reason to send somebody, though the requests could go on. */
  private async health(): Promise<Finding> {
    const refused = (await this.part(Checkpoints).all()).flatMap(({ refused: why }) => why ?? []);
    return refused.length === 0 ? { ok: true } : { ok: false, why: refused.join(' ') };
  }

  private informed(): readonly Process[] {
    const sources = { readModels: this.part(ReadModels), progress: this.part(ProjectionProgress) };
    return this.processes.map((process) => (typeof process === 'function' ? process(sources) : process));
  }

  private parts(): ReactorParts {
    const get = <Part>(part: abstract new (...args: never) => Part): Part => this.part(part);
    return {
      store: get(EventStore),
      tail: get(Tail),
      leases: get(Leases),
      checkpoints: get(Checkpoints),
      deadLetters: get(DeadLetters),
      observer: get(ReactingObserver),
      acting: { commands: get(CommandBus), addresses: get(CommandAddresses), deadlines: get(Deadlines) },
    };
  }

  private part<Part>(part: abstract new (...args: never) => Part): Part {
    return this.modules.get<Part>(part, { strict: false });
  }
}
