import {
  Body,
  Controller,
  Get,
  Module,
  Param,
  Post,
  Query,
  UseFilters,
  type DynamicModule,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { z } from 'zod';
import { Admin, Caller, ChecksTokensItself, granted, Public, User } from '../../src/platform/auth/access.js';
import {
  issueUserToken,
  type TokenRefusal,
  type TokenSecrets,
  type UserToken,
} from '../../src/platform/auth/tokens.js';
import { Tokens } from '../../src/platform/auth/verification.js';
import { readConfig } from '../../src/platform/config/config.js';
import type { Cause } from '../../src/platform/deciding/stream-command.js';
import { Answers } from '../../src/platform/http/answers.js';
import { CausedBy } from '../../src/platform/http/caused-by.js';
import { createHttp } from '../../src/platform/http/http.js';
import { HttpModule } from '../../src/platform/http/http.module.js';
import { reached, WaitsFor, type Reached } from '../../src/platform/http/position.js';
import { refusals } from '../../src/platform/http/refusals.js';
import { ProjectionProgress, type Progress } from '../../src/platform/projecting/progress.js';
import { createLog } from '../../src/platform/telemetry/log.js';

/** The shell around a slice that does what a test tells it to. */

export const secrets: TokenSecrets = {
  user: 'a secret for people in tests',
  interactivePrompt: 'a secret for prompts in tests',
  journey: 'a secret for journeys in tests',
  image: 'a secret for images in tests',
};

const Word = z.strictObject({ word: z.string().min(1).max(45), second: z.number().min(0) });
const Said = z.object({ word: z.string(), by: z.string() }).meta({ id: 'Said' });
type Said = z.infer<typeof Said>;

/** What stands behind the routes: by default all is well. */
export class Sayings implements OnApplicationShutdown {
  readonly causes: Cause[] = [];
  /** What a store does when the program ends. */
  onStop: () => void = () => undefined;
  say: (cause: Cause) => Promise<{ readonly position: bigint }> = () => Promise.resolve({ position: 7n });

  onApplicationShutdown(): void {
    this.onStop();
  }
}

@Controller('words')
@UseFilters(
  refusals<'Rude' | 'Asleep'>({
    Rude: { status: 409, type: 'rude_word', message: 'Not that word.' },
    Asleep: { status: 503, type: 'asleep', message: 'Come back later.', retryAfterSeconds: 15 },
  }),
)
class WordsHttp {
  constructor(
    private readonly sayings: Sayings,
    private readonly tokens: Tokens,
  ) {}

  @Post()
  @Answers(201, Said)
  async say(
    @Body({ schema: Word }) { word }: z.infer<typeof Word>,
    @User() { sub }: UserToken,
    @CausedBy() cause: Cause,
  ): Promise<Reached<Said>> {
    this.sayings.causes.push(cause);
    return reached(await this.sayings.say(cause), { word, by: sub });
  }

  @Post('forget')
  @Answers(204)
  async forget(@CausedBy() cause: Cause): Promise<Reached<undefined>> {
    this.sayings.causes.push(cause);
    return reached(await this.sayings.say(cause));
  }

  @Post(':word/loudly')
  @Answers(201, Said)
  async loudly(
    @Param('word', { schema: z.string().max(5) }) word: string,
    @User() { sub }: UserToken,
    @CausedBy() cause: Cause,
  ): Promise<Reached<Said>> {
    this.sayings.causes.push(cause);
    return reached(await this.sayings.say(cause), { word, by: sub });
  }

  @Get()
  @WaitsFor('words', 'counts')
  @Answers(200, z.array(Said))
  list(
    @Query({ schema: z.strictObject({ starting: z.string().max(3).optional() }) }) _query: object,
    @User() user: UserToken,
  ): Said[] {
    return [{ word: 'hello', by: user.sub }];
  }

  @Post('noop')
  @Answers(201, z.object({ ok: z.boolean() }))
  noop(): { ok: boolean } {
    return { ok: true };
  }

  @Get('secret')
  @Admin()
  @Answers(200, z.object({ ok: z.boolean() }))
  secret(): { ok: boolean } {
    return { ok: true };
  }

  @Get('open')
  @Public('a test needs it')
  @Answers(200, z.object({ ok: z.boolean() }))
  open(): { ok: boolean } {
    return { ok: true };
  }

  @Post('prompted')
  @ChecksTokensItself('the key in the body is judged first')
  @Answers(201, z.object({ by: z.string() }))
  prompted(
    @Body({ schema: z.object({ jwt: z.string() }) }) { jwt }: { jwt: string },
    @Caller() caller: UserToken | TokenRefusal,
  ): { by: string } {
    granted(this.tokens.key('interactivePrompt', jwt));
    return { by: granted(caller).sub };
  }
}

export class ScriptedProgress extends ProjectionProgress {
  readonly asked: { projection: string; position: bigint; waitMs: number }[] = [];
  readonly at = new Map<string, bigint>();

  waitFor(projection: string, position: bigint, waitMs: number): Promise<Progress> {
    this.asked.push({ projection, position, waitMs });
    const at = this.at.get(projection) ?? 0n;
    return Promise.resolve({ reached: at >= position, at });
  }
}

@Module({})
class ShellTestModule {
  static of(imports: DynamicModule[], sayings: Sayings, progress: ScriptedProgress): DynamicModule {
    return {
      module: ShellTestModule,
      imports,
      controllers: [WordsHttp],
      providers: [
        { provide: Sayings, useValue: sayings },
        { provide: ProjectionProgress, useValue: progress },
      ],
    };
  }
}

export interface Shell {
  readonly app: NestFastifyApplication;
  readonly sayings: Sayings;
  readonly progress: ScriptedProgress;
  /** The lines that were logged, as data. */
  readonly lines: () => Record<string, unknown>[];
  readonly logged: () => string;
}

export async function aShell(environment: Readonly<Record<string, string>> = {}): Promise<Shell> {
  const config = {
    ...readConfig({ LOG_LEVEL: 'info', ...environment }),
    OSEH_ID_TOKEN_SECRET: secrets.user,
    OSEH_INTERACTIVE_PROMPT_JWT_SECRET: secrets.interactivePrompt,
    OSEH_JOURNEY_JWT_SECRET: secrets.journey,
    OSEH_IMAGE_FILE_JWT_SECRET: secrets.image,
  };
  const written: string[] = [];
  const log = createLog({ level: config.LOG_LEVEL }, { write: (line: string) => void written.push(line) });
  const sayings = new Sayings();
  const progress = new ScriptedProgress();
  const http = HttpModule.forRoot({ config, log });
  const app = await createHttp(ShellTestModule.of([http], sayings, progress), config, log);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  const logged = () => written.join('');
  const lines = () => written.map((line) => z.record(z.string(), z.unknown()).parse(JSON.parse(line)));
  return { app, sayings, progress, lines, logged };
}

export const bearer = (sub = 'ada', more: { admin?: boolean; lifeSeconds?: number } = {}) => ({
  authorization: `bearer ${issueUserToken(secrets.user, { sub, ...more })}`,
});
