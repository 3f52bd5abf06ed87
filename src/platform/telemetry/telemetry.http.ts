import { Controller, Get, Header, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Public } from '../auth/access.js';
import { Answers } from '../http/answers.js';
import { HealthChecks, Readiness } from './health.js';
import { Metrics } from './metrics.js';

const Alive = z.object({ alive: z.literal(true) });

@ApiTags('operating')
@Controller()
export class TelemetryHttp {
  constructor(
    private readonly health: HealthChecks,
    private readonly metrics: Metrics,
  ) {}

  @Get('health/live')
  @Public('whoever restarts dead processes has no token')
  @ApiOperation({ summary: 'Whether the process answers at all' })
  @Answers(200, Alive)
  live(): z.infer<typeof Alive> {
    return { alive: true };
  }

  @Get('health/ready')
  @Public('whoever balances load has no token')
  @ApiOperation({ summary: 'Whether requests should be sent here, and if not, which part is wrong' })
  @Answers(200, Readiness, 'Ready. When it is not, the same body comes with status 503.')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<Readiness> {
    const readiness = await this.health.readiness();
    if (!readiness.ready) void reply.code(503);
    return readiness;
  }

  @Get('metrics')
  @Public('Prometheus scrapes without a token; keep this port inside')
  @ApiOperation({ summary: 'Numbers for Prometheus' })
  @ApiProduces('text/plain')
  @Answers(200, z.string())
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  text(): Promise<string> {
    return this.metrics.text();
  }
}
