import { Module, type DynamicModule } from '@nestjs/common';
import { CommandAddresses, type CommandAddress } from './command-addresses.js';
import { DecidingObserver } from './deciding-observer.js';
import { DecisionTelemetry } from './decision-telemetry.js';

@Module({})
export class DecidingModule {
  /** `handlers`: every class that `decides` made. Each is also a provider of its slice's module. */
  static forRoot({ handlers }: { handlers: readonly { readonly address: CommandAddress }[] }): DynamicModule {
    return {
      module: DecidingModule,
      global: true,
      providers: [
        { provide: CommandAddresses, useFactory: () => new CommandAddresses(handlers) },
        { provide: DecidingObserver, useClass: DecisionTelemetry },
      ],
      exports: [CommandAddresses, DecidingObserver],
    };
  }
}
