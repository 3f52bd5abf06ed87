import 'reflect-metadata';
import { Body, Controller, Get, HttpCode, Module, Post, Query, type DynamicModule } from '@nestjs/common';
import { z } from 'zod';
import { AppModule, type AppParts } from '../../src/app/app.module.js';
import { readConfig } from '../../src/platform/config/config.js';
import { withSecrets } from '../../src/platform/config/secrets.js';
import { Database } from '../../src/platform/database/database.js';
import { createHttp } from '../../src/platform/http/http.js';
import { createLog } from '../../src/platform/telemetry/log.js';

/**
 * The program with one route more, which takes the same request as the command and does nothing. `bench http` starts
 * it in a process of its own, which then tells where it listens.
 */
const Like = z.object({
  interactive_prompt_uid: z.string(),
  interactive_prompt_jwt: z.string(),
  session_uid: z.string(),
  prompt_time: z.number(),
  data: z.object({}),
});

const Stats = z.object({ uid: z.string(), bin: z.coerce.number().int() });

@Controller('api/1/bench')
class NothingHttp {
  @Get('nothing')
  nothingToSee(@Query({ schema: Stats }) { uid, bin }: z.infer<typeof Stats>) {
    return { uid, bin };
  }

  @Post('nothing')
  @HttpCode(201)
  nothing(@Body({ schema: Like }) { session_uid, prompt_time, data }: z.infer<typeof Like>) {
    return { session_uid, type: 'nothing', prompt_time, icon: null, data };
  }
}

@Module({})
class ProgramWithNothing {
  static forRoot(parts: AppParts): DynamicModule {
    return { module: ProgramWithNothing, imports: [AppModule.forRoot(parts)], controllers: [NothingHttp] };
  }
}

const { config } = await withSecrets(readConfig(process.env));
const log = createLog({ level: config.LOG_LEVEL });
const { DATABASE_URL: url = '', DATABASE_CONNECTIONS_MAX: connectionsMax } = config;
const database = await Database.open({ url, connectionsMax });
await database.migrate();
const app = await createHttp(ProgramWithNothing.forRoot({ config, database, log }), config, log);
await app.listen(0, '127.0.0.1');
process.send?.({ url: await app.getUrl() });
