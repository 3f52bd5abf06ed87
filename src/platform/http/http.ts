import { randomBytes } from 'node:crypto';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AccessGuard } from '../auth/access.js';
import { Tokens } from '../auth/verification.js';
import type { Config } from '../config/config.js';
import { listed, Networks } from '../config/listed.js';
import type { Log } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { NestLog } from '../telemetry/nest-log.js';
import { allowOrigins } from './cors.js';
import { serveDocs } from './docs.js';
import { closeConnectionsOnceAnswered } from './draining.js';
import { addHooks } from './hooks.js';
import { takeOnlyJson } from './json-body.js';
import { describeApi } from './openapi.js';
import { ProblemFilter } from './problem.filter.js';
import { limitRates } from './rate-limit.js';
import { Routes } from './routes.js';
import { answerGarbage, answerUnroutable } from './unrouted.js';
import { ValidationPipe } from './validation.pipe.js';

/**
 * The shell around every route, the same for the program and for tests. The module must import HttpModule, which holds the
 * parts it is made of.
 */
export async function createHttp(module: DynamicModule, config: Config, log: Log): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter(fastifyOptions(config));
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    bodyParser: false,
    abortOnError: false,
    logger: new NestLog(log),
  });
  const fastify = app.getHttpAdapter().getInstance();
  const routes = new Routes(fastify);
  addHooks(fastify, { tokens: app.get(Tokens), metrics: app.get(Metrics), log });
  takeOnlyJson(fastify);
  closeConnectionsOnceAnswered(fastify);
  allowOrigins(app, listed(config.CORS_ORIGINS));
  await limitRates(fastify, config.RATE_LIMIT_PER_MINUTE, new Networks(listed(config.TRUSTED_PROXIES)));

  app.useGlobalGuards(new AccessGuard(new Reflector()));
  app.useGlobalPipes(new ValidationPipe());
  app.useGlobalFilters(new ProblemFilter(routes));
  if (config.CHORUS_ROLE !== 'worker') serveDocs(fastify, () => describeApi(app));
  app.getHttpServer().maxConnections = connectionsMax;
  return app;
}

const connectionsMax = 10_000;
const headMsMax = 15_000;
const requestMsMax = 60_000;
/** Longer than the minute for which usual load balancers keep a connection, so that they close it and not we. */
const idleMsMax = 72_000;

type Options = NonNullable<ConstructorParameters<typeof FastifyAdapter>[0]>;

function fastifyOptions(config: Config): Options {
  return {
    logger: false,
    skipMiddie: true,
    bodyLimit: config.BODY_BYTES_MAX,
    genReqId: requestIds(),
    requestTimeout: requestMsMax,
    keepAliveTimeout: idleMsMax,
    forceCloseConnections: 'idle',
    // A request that comes on an open connection while we stop is answered like the others, and told that it was the last.
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 255 },
    http: { headersTimeout: headMsMax, maxHeaderSize: 16_384 },
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerGarbage,
  };
}

/** Unique over processes and restarts, and cheap: a random start and a counter. */
function requestIds(): () => string {
  const start = randomBytes(9).toString('base64url');
  let count = 0;
  return () => `${start}-${(count++).toString(36)}`;
}
