import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { TokenSecrets } from '../auth/tokens.js';
import { Tokens } from '../auth/verification.js';
import { CONFIG } from '../config/config.js';
import type { ConfigWithSecrets } from '../config/secrets.js';
import { HealthChecks } from '../telemetry/health.js';
import { LOG, type Log } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { TelemetryHttp } from '../telemetry/telemetry.http.js';

export interface HttpParts {
  readonly config: ConfigWithSecrets;
  readonly log: Log;
}

/** What every part of the program may ask for: configuration, log, numbers, health and tokens. */
@Global()
@Module({})
export class HttpModule {
  static forRoot({ config, log }: HttpParts): DynamicModule {
    return {
      module: HttpModule,
      controllers: [TelemetryHttp],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: LOG, useValue: log },
        { provide: Tokens, useValue: new Tokens(secretsOf(config)) },
        HealthChecks,
        Metrics,
      ],
      exports: [CONFIG, LOG, Tokens, HealthChecks, Metrics],
    };
  }
}

function secretsOf(config: ConfigWithSecrets): TokenSecrets {
  return {
    user: config.OSEH_ID_TOKEN_SECRET,
    interactivePrompt: config.OSEH_INTERACTIVE_PROMPT_JWT_SECRET,
    journey: config.OSEH_JOURNEY_JWT_SECRET,
    image: config.OSEH_IMAGE_FILE_JWT_SECRET,
  };
}
