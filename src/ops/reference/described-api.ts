import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import { AppModule } from '../../app/app.module.js';
import { readConfig } from '../../platform/config/config.js';
import { Database } from '../../platform/database/database.js';
import { describeApi } from '../../platform/http/openapi.js';
import { createLog } from '../../platform/telemetry/log.js';

const secret = 'describes routes and signs nothing';

/**
 * What the program serves at `/openapi.json`, without running it: in Nest's preview mode modules are read and nothing in them
 * is made. So no database is needed, and the parts handed in here are never looked at.
 */
export async function describedApi(): Promise<OpenAPIObject> {
  const module = AppModule.forRoot({
    config: {
      ...readConfig({}),
      OSEH_ID_TOKEN_SECRET: secret,
      OSEH_INTERACTIVE_PROMPT_JWT_SECRET: secret,
      OSEH_JOURNEY_JWT_SECRET: secret,
      OSEH_IMAGE_FILE_JWT_SECRET: secret,
    },
    database: Database.prototype,
    log: createLog({ level: 'silent' }),
  });
  const adapter = new FastifyAdapter();
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, { preview: true, logger: false });
  return describeApi(app);
}
