import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { positionHeader } from './position.js';

const rememberedSeconds = 600;

/**
 * Pages of these origins may call the API from a browser. Tokens travel in headers and bodies, never in cookies, so nothing is
 * lent to a page that it doesn't have itself.
 */
export function allowOrigins(app: NestFastifyApplication, origins: readonly string[]): void {
  if (origins.length === 0) return;
  app.enableCors({
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: [positionHeader, 'retry-after'],
    maxAge: rememberedSeconds,
  });
}
