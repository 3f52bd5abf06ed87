import { Body, Controller, Get, Header, Param, Post, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Admin } from '../auth/access.js';
import { Answers } from '../http/answers.js';
import { Problem } from '../http/problem.js';
import type { Build } from '../projecting/builds.js';
import { Plan, type Rebuild } from './rebuild.js';
import { OrderRefused, ProjectionUnknown, RebuildOrders, type Standing } from './rebuild-orders.js';
import { progressOf, RebuildProgress } from './rebuild-progress.js';
import { RebuildProgressStreams } from './rebuild-progress-streams.js';

const Name = z.string().max(48);
const Expected = z
  .array(z.string().max(200))
  .max(200)
  .describe('`table`, `table.column`, `table:+rows`, `table:-rows`');

const RebuildOrder = z.strictObject({
  together_with: z.array(Name).max(100).default([]).describe('Other projections, built in the same pass over the log'),
  switch: z.boolean().default(false).describe('Readers see the new build as soon as it is proven'),
  expect: Expected.default([]),
  throttle: z.int().min(1).optional().describe('Events a second at most'),
});
const SwitchOrder = z.strictObject({ expect: Expected.default([]) });
const PauseOrder = z.strictObject({
  what: z.enum(['projection', 'rebuild']).default('projection').describe('The read model itself, or only its rebuild'),
});

const StandingBuild = z.object({
  build: z.string(),
  version: z.number(),
  schema: z.string(),
  position: z.number(),
  paused: z.boolean(),
});

const ProjectionStanding = z
  .object({
    projection: z.string(),
    version: z.number().describe('Of this program'),
    live: StandingBuild.nullable().describe('The one that readers see'),
    previous: StandingBuild.nullable().describe('The one that a switch can be taken back to'),
    rebuild: RebuildProgress.nullable().describe('The latest'),
  })
  .meta({ id: 'ProjectionStanding' });

@ApiTags('operating')
@Controller('api/1/admin')
@Admin()
export class RebuildingHttp {
  constructor(
    private readonly orders: RebuildOrders,
    private readonly streams: RebuildProgressStreams,
  ) {}

  @Get('projections')
  @ApiOperation({ summary: 'Every read model, its builds, and where its latest rebuild is' })
  @Header('cache-control', 'no-store')
  @Answers(200, z.array(ProjectionStanding))
  async list(): Promise<z.input<typeof ProjectionStanding>[]> {
    return (await this.orders.standing()).map(standingOf);
  }

  @Get('projections/:name')
  @ApiOperation({ summary: 'A read model, its builds, and where its latest rebuild is' })
  @Header('cache-control', 'no-store')
  @Answers(200, ProjectionStanding)
  async one(@Param('name', { schema: Name }) name: string): Promise<z.input<typeof ProjectionStanding>> {
    return standingOf(await answered(this.orders.standingOf(name)));
  }

  @Get('rebuilds/progress')
  @ApiOperation({
    summary: 'How rebuilds go, as server-sent events',
    description:
      'An event `progress` for each rebuild when the stream begins, and then whenever something about it changes.',
  })
  @ApiProduces('text/event-stream')
  @ApiResponse({ status: 200, description: 'Events with the data of `RebuildProgress`' })
  @Header('cache-control', 'no-store')
  progress(): StreamableFile {
    return new StreamableFile(this.streams.open(), { type: 'text/event-stream' });
  }

  @Post('projections/:name/plan')
  @ApiOperation({ summary: 'What a rebuild would read, take and need; changes nothing' })
  @Answers(200, Plan)
  plan(@Param('name', { schema: Name }) name: string): Promise<z.input<typeof Plan>> {
    return answered(this.orders.plan(name));
  }

  @Post('projections/:name/rebuild')
  @ApiOperation({
    summary: 'Builds read models anew from the log, beside the live ones, and proves that they are equal',
  })
  @Answers(202, z.array(RebuildProgress))
  async rebuild(
    @Param('name', { schema: Name }) name: string,
    @Body({ schema: RebuildOrder }) order: z.output<typeof RebuildOrder>,
  ): Promise<z.input<typeof RebuildProgress>[]> {
    const { together_with: others, switch: switches, expect: expected, throttle } = order;
    const asked = await answered(this.orders.rebuild([name, ...others], { switches, expected, throttle }));
    return asked.map(told);
  }

  @Post('projections/:name/verify')
  @ApiOperation({ summary: 'Compares the new build with the live one once more' })
  @Answers(202, RebuildProgress)
  async verify(@Param('name', { schema: Name }) name: string): Promise<z.input<typeof RebuildProgress>> {
    return told(await answered(this.orders.verify(name)));
  }

  @Post('projections/:name/switch')
  @ApiOperation({
    summary: 'Shows readers the new build, as soon as it is proven but for the differences that are named',
  })
  @Answers(202, RebuildProgress)
  async switch(
    @Param('name', { schema: Name }) name: string,
    @Body({ schema: SwitchOrder }) { expect }: z.output<typeof SwitchOrder>,
  ): Promise<z.input<typeof RebuildProgress>> {
    return told(await answered(this.orders.switch(name, expect)));
  }

  @Post('projections/:name/rollback')
  @ApiOperation({ summary: 'Shows readers the previous build again' })
  @Answers(202, RebuildProgress)
  async rollback(@Param('name', { schema: Name }) name: string): Promise<z.input<typeof RebuildProgress>> {
    return told(await answered(this.orders.rollback(name)));
  }

  @Post('projections/:name/abort')
  @ApiOperation({ summary: 'Gives a rebuild up and drops its new build, which nobody has seen' })
  @Answers(202, RebuildProgress)
  async abort(@Param('name', { schema: Name }) name: string): Promise<z.input<typeof RebuildProgress>> {
    return told(await answered(this.orders.abort(name)));
  }

  @Post('projections/:name/retire')
  @ApiOperation({ summary: 'Drops the build that readers no longer see before its grace time is over' })
  @Answers(202, RebuildProgress)
  async retire(@Param('name', { schema: Name }) name: string): Promise<z.input<typeof RebuildProgress>> {
    return told(await answered(this.orders.retire(name)));
  }

  @Post('projections/:name/pause')
  @ApiOperation({ summary: 'Stops writing a read model, or only its rebuild, until it is resumed' })
  @Answers(204)
  async pause(
    @Param('name', { schema: Name }) name: string,
    @Body({ schema: PauseOrder }) { what }: z.output<typeof PauseOrder>,
  ): Promise<void> {
    await answered(this.orders.pause(name, what));
  }

  @Post('projections/:name/resume')
  @ApiOperation({ summary: 'Goes on with what was paused, and with a rebuild that a problem stopped' })
  @Answers(204)
  async resume(@Param('name', { schema: Name }) name: string): Promise<void> {
    await answered(this.orders.resume(name));
  }
}

async function answered<Answer>(order: Promise<Answer>): Promise<Answer> {
  try {
    return await order;
  } catch (error) {
    if (error instanceof ProjectionUnknown) throw new Problem(404, 'not_found', error.message);
    if (error instanceof OrderRefused) throw new Problem(409, 'not_as_things_are', error.message);
    throw error;
  }
}

function told(rebuild: Rebuild): z.input<typeof RebuildProgress> {
  return progressOf(rebuild);
}

function standingOf({ live, previous, rebuild, ...standing }: Standing): z.input<typeof ProjectionStanding> {
  return {
    ...standing,
    live: live === undefined ? null : buildOf(live),
    previous: previous === undefined ? null : buildOf(previous),
    rebuild: rebuild === undefined ? null : told(rebuild),
  };
}

function buildOf({ build, version, schema, position, pausedAt }: Build): z.input<typeof StandingBuild> {
  return { build, version, schema, position: Number(position), paused: pausedAt !== null };
}
