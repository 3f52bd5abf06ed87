import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import {
  Body,
  ConflictException,
  Controller,
  ForbiddenException,
  Headers,
  HttpCode,
  Inject,
  Injectable,
  Module,
  Post,
  StandardSchemaValidationPipe,
  type DynamicModule,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import pg from 'pg';
import { Column, DataSource, Entity, Index, PrimaryColumn, type EntityManager } from 'typeorm';
import { z } from 'zod';
import { isRefused } from '../../../src/platform/auth/tokens.js';
import { Tokens } from '../../../src/platform/auth/verification.js';

/**
 * The same commands as most teams would write them: NestJS, TypeORM, and one transaction per request that locks the session's
 * row, inserts the event, and brings the counters up to date while the caller waits.
 *
 * It is written to be fast: prompts are cached, the upserts are one statement each with their rows in a fixed order, so that
 * they neither deadlock nor make a round trip per row, and there is nothing in front of the handler but token and schema.
 */
@Entity('prompts')
class Prompt {
  @PrimaryColumn('text') uid!: string;
  @Column('int') durationSeconds!: number;
}

@Entity('sessions')
class Session {
  @PrimaryColumn('text') uid!: string;
  @Column('text') promptUid!: string;
  @Column('text') userSub!: string;
  @Column('text') phase!: 'opened' | 'joined' | 'left';
  @Column('double precision', { nullable: true }) promptTime!: number | null;
  @Column('text', { nullable: true }) lastType!: string | null;
}

@Entity('events')
@Index(['sessionUid', 'promptTime'])
class PromptEvent {
  @PrimaryColumn('text') uid!: string;
  @Column('text') sessionUid!: string;
  @Column('text') type!: string;
  @Column('double precision') promptTime!: number;
  @Column('jsonb') data!: object;
  @Column('timestamptz') createdAt!: Date;
}

@Entity('event_counts')
class EventCount {
  @PrimaryColumn('text') promptUid!: string;
  @PrimaryColumn('int') bucket!: number;
  @Column('bigint') total!: string;
}

@Entity('prefix_sums')
class PrefixSum {
  @PrimaryColumn('text') promptUid!: string;
  @PrimaryColumn('int') node!: number;
  @PrimaryColumn('text') category!: string;
  @PrimaryColumn('int') value!: number;
  @Column('bigint') total!: string;
}

const NewPrompt = z.object({ prompt: z.unknown(), duration_seconds: z.int().min(1).max(86_400) });
const NewSession = z.object({ interactive_prompt_uid: z.string().max(40) });
const NewEvent = z.object({
  interactive_prompt_uid: z.string().regex(/^oseh_ip_[A-Za-z0-9_-]{22}$/),
  interactive_prompt_jwt: z.string(),
  session_uid: z.string().regex(/^oseh_ips_[A-Za-z0-9_-]{22}$/),
  prompt_time: z.number().nonnegative(),
  data: z.object({}),
});
type NewEvent = z.infer<typeof NewEvent>;

type Moment = 'join' | 'like';

@Injectable()
class Sessions {
  readonly #prompts = new Map<string, Prompt>();

  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  async create(durationSeconds: number): Promise<string> {
    const uid = newUid('ip');
    await this.dataSource.manager.insert(Prompt, { uid, durationSeconds });
    return uid;
  }

  async start(promptUid: string, userSub: string): Promise<string> {
    const uid = newUid('ips');
    await this.dataSource.manager.insert(Session, { uid, promptUid, userSub, phase: 'opened' });
    return uid;
  }

  take(type: Moment, body: NewEvent, userSub: string): Promise<{ uid: string }> {
    return this.dataSource.transaction(async (manager) => {
      const prompt = await this.#prompt(body.interactive_prompt_uid, manager);
      const session = await manager.findOne(Session, {
        where: { uid: body.session_uid },
        lock: { mode: 'pessimistic_write' },
      });
      if (session?.promptUid !== prompt.uid || session.userSub !== userSub) {
        throw new ConflictException('session_not_found');
      }
      const refusal = refusalOf(type, session, body.prompt_time, prompt);
      if (refusal !== undefined) throw new ConflictException(refusal);
      const uid = newUid('ipe');
      const { session_uid: sessionUid, prompt_time: promptTime, data } = body;
      await manager.insert(PromptEvent, { uid, sessionUid, type, promptTime, data, createdAt: new Date() });
      await manager.update(Session, { uid: sessionUid }, { phase: 'joined', promptTime, lastType: type });
      await count(manager, prompt.uid, promptTime);
      await addToSums(manager, prompt, { category: type === 'join' ? 'users' : 'likes', promptTime });
      return { uid };
    });
  }

  async #prompt(uid: string, manager: EntityManager): Promise<Prompt> {
    const prompt = this.#prompts.get(uid) ?? (await manager.findOneBy(Prompt, { uid }));
    if (prompt === null) throw new ConflictException('not_found');
    this.#prompts.set(uid, prompt);
    return prompt;
  }
}

function refusalOf(type: Moment, session: Session, at: number, { durationSeconds }: Prompt): string | undefined {
  if (at > durationSeconds) return 'impossible_prompt_time';
  if (type === 'join') return session.phase === 'opened' ? undefined : 'session_already_started';
  if (session.phase === 'opened') return 'session_not_started';
  if (session.phase === 'left') return 'session_already_ended';
  const before = session.promptTime ?? 0;
  if (before > at) return 'session_has_later_event';
  return before === at && session.lastType === type ? 'session_has_same_event_at_same_time' : undefined;
}

async function count(manager: EntityManager, promptUid: string, promptTime: number): Promise<void> {
  await manager.query(
    `insert into event_counts as c ("promptUid", bucket, total) values ($1, $2, 1)
     on conflict ("promptUid", bucket) do update set total = c.total + 1`,
    [promptUid, Math.floor(promptTime)],
  );
}

async function addToSums(
  manager: EntityManager,
  { uid, durationSeconds }: Prompt,
  change: { category: string; promptTime: number },
): Promise<void> {
  const bins = durationSeconds <= 1 ? 1 : 2 ** Math.ceil(Math.log2(durationSeconds)) - 1;
  const bin = Math.min(bins - 1, Math.floor(change.promptTime / (durationSeconds / bins)));
  const nodes: number[] = [];
  for (let node = bin + 1; node <= bins; node += node & -node) nodes.push(node - 1);
  await manager.query(
    `insert into prefix_sums as s ("promptUid", node, category, value, total)
     select $1, node, $2, 0, 1 from unnest($3::int[]) as node order by node
     on conflict ("promptUid", node, category, value) do update set total = s.total + 1`,
    [uid, change.category, nodes],
  );
}

@Controller('api/1')
class PeerHttp {
  constructor(
    private readonly sessions: Sessions,
    private readonly tokens: Tokens,
  ) {}

  @Post('admin/interactive_prompts')
  async create(
    @Body({ schema: NewPrompt }) body: z.infer<typeof NewPrompt>,
    @Headers('authorization') authorization?: string,
  ) {
    if (!this.#user(authorization).admin) throw new ForbiddenException();
    const uid = await this.sessions.create(body.duration_seconds);
    return { uid, jwt: this.tokens.issueKey('interactivePrompt', { sub: uid }) };
  }

  @Post('interactive_prompts/start')
  async start(
    @Body({ schema: NewSession }) body: z.infer<typeof NewSession>,
    @Headers('authorization') authorization?: string,
  ) {
    const { sub } = this.#user(authorization);
    const { interactive_prompt_uid: promptUid } = body;
    return {
      jwt: this.tokens.issueKey('interactivePrompt', { sub: promptUid }),
      session_uid: await this.sessions.start(promptUid, sub),
    };
  }

  @Post('interactive_prompts/events/join')
  @HttpCode(201)
  join(@Body({ schema: NewEvent }) body: NewEvent, @Headers('authorization') authorization?: string) {
    return this.#take('join', body, authorization);
  }

  @Post('interactive_prompts/events/like')
  @HttpCode(201)
  like(@Body({ schema: NewEvent }) body: NewEvent, @Headers('authorization') authorization?: string) {
    return this.#take('like', body, authorization);
  }

  async #take(type: Moment, body: NewEvent, authorization: string | undefined) {
    const key = this.tokens.key('interactivePrompt', body.interactive_prompt_jwt);
    if (isRefused(key) || key.sub !== body.interactive_prompt_uid) throw new ForbiddenException();
    const { sub } = this.#user(authorization);
    const { uid } = await this.sessions.take(type, body, sub);
    const { session_uid, prompt_time, data } = body;
    return { uid, user_sub: sub, session_uid, type, prompt_time, icon: null, data };
  }

  #user(authorization: string | undefined) {
    const user = this.tokens.user(authorization);
    if (isRefused(user)) throw new ForbiddenException();
    return user;
  }
}

@Module({})
class PeerModule {
  static forRoot(dataSource: DataSource, tokens: Tokens): DynamicModule {
    return {
      module: PeerModule,
      controllers: [PeerHttp],
      providers: [Sessions, { provide: DataSource, useValue: dataSource }, { provide: Tokens, useValue: tokens }],
    };
  }
}

function newUid(prefix: string): string {
  return `oseh_${prefix}_${randomBytes(16).toString('base64url')}`;
}

const Environment = z.object({
  DATABASE_URL: z.string(),
  OSEH_ID_TOKEN_SECRET: z.string(),
  OSEH_INTERACTIVE_PROMPT_JWT_SECRET: z.string(),
});
const { DATABASE_URL, OSEH_ID_TOKEN_SECRET, OSEH_INTERACTIVE_PROMPT_JWT_SECRET } = Environment.parse(process.env);
const dataSource = await new DataSource({
  type: 'postgres',
  driver: pg,
  url: DATABASE_URL,
  poolSize: 16,
  entities: [Prompt, Session, PromptEvent, EventCount, PrefixSum],
  synchronize: true,
}).initialize();
const tokens = new Tokens({
  user: OSEH_ID_TOKEN_SECRET,
  interactivePrompt: OSEH_INTERACTIVE_PROMPT_JWT_SECRET,
  journey: 'never asked for by this program',
  image: 'never asked for by this program',
});
const app = await NestFactory.create<NestFastifyApplication>(
  PeerModule.forRoot(dataSource, tokens),
  new FastifyAdapter(),
  { logger: ['error'] },
);
app.useGlobalPipes(new StandardSchemaValidationPipe());
await app.listen(0, '127.0.0.1');
process.send?.({ url: await app.getUrl() });
