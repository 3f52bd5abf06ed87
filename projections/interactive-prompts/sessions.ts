import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { promptSessionEvents, PromptSessionEvent } from '../../src/interactive-prompts/prompt-session.js';
import { PromptUid } from '../../src/kernel/ids.js';
import { projection } from '../../src/platform/projecting/projection.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { table } from '../../src/platform/projecting/table.js';

/**
 * Every session there ever was and how far it got, for administrators who look at a prompt or a person.
 *
 * Read: a page of the sessions of a prompt, of a person, or of all, newest first, from an index. Change: one row when a session
 * is opened, joined or over, changes hands or is forgotten; what happens in between changes nothing here.
 */
const tables = {
  sessions: table({
    name: 'prompt_sessions',
    columns: {
      session_uid: 'text',
      prompt_uid: 'text',
      user_sub: 'text?',
      state: 'text',
      origin: 'text',
      origin_name: 'text?',
      opened_position: 'bigint',
      opened_at: 'double',
      joined_at: 'double?',
      left_at: 'double?',
      left_prompt_time: 'double?',
    },
    key: ['session_uid'],
    indexes: [['prompt_uid', 'opened_position'], ['user_sub', 'opened_position'], ['opened_position']],
  }),
};

export const sessions = projection<typeof promptSessionEvents>()({
  name: 'prompt_sessions',
  version: 1,
  tables,
  when: {
    SessionOpened: ({ sessionUid, promptUid, userSub, origin, createdAt }, rows, { position }) => {
      rows.sessions.set(
        { session_uid: sessionUid },
        {
          prompt_uid: promptUid,
          user_sub: userSub,
          state: 'opened',
          origin: origin.kind,
          origin_name: nameOf(origin),
          opened_position: Number(position),
          opened_at: createdAt,
          joined_at: null,
          left_at: null,
          left_prompt_time: null,
        },
      );
    },
    SessionJoined: ({ sessionUid, createdAt }, rows) => {
      rows.sessions.set({ session_uid: sessionUid }, { state: 'joined', joined_at: createdAt });
    },
    SessionLeft: ({ sessionUid, createdAt, promptTime, reason }, rows) => {
      const left = { state: reason, left_at: createdAt, left_prompt_time: promptTime };
      rows.sessions.set({ session_uid: sessionUid }, left);
    },
    SessionOwnerChanged: ({ sessionUid, newOwner }, rows) => {
      rows.sessions.set({ session_uid: sessionUid }, { user_sub: newOwner });
    },
    SessionErased: ({ sessionUid }, rows) => {
      rows.sessions.set({ session_uid: sessionUid }, { user_sub: null });
    },
  },
});

type Origin = Extract<PromptSessionEvent, { readonly type: 'SessionOpened' }>['origin'];

function nameOf(origin: Origin): string | null {
  switch (origin.kind) {
    case 'direct':
      return null;
    case 'journey':
      return origin.journeyUid;
    case 'public':
      return origin.identifier;
  }
}

/** Newest first. What is undefined does not restrict. */
export class SessionPage extends Query<readonly ListedSession[]> {
  constructor(readonly wanted: WantedSessions) {
    super();
  }
}

export interface WantedSessions {
  readonly promptUid: PromptUid | undefined;
  readonly userSub: string | undefined;
  readonly state: SessionState | undefined;
  /** Only sessions that were opened before this position. */
  readonly before: number | undefined;
  readonly limit: number;
}

export type SessionState = 'opened' | 'joined' | 'left' | 'expired';

export interface ListedSession {
  readonly session_uid: string;
  readonly prompt_uid: string;
  /** Null once the person was forgotten. */
  readonly user_sub: string | null;
  readonly state: string;
  readonly origin: string;
  /** The journey or the public identifier that led there. */
  readonly origin_name: string | null;
  readonly opened_position: number;
  readonly opened_at: number;
  readonly joined_at: number | null;
  readonly left_at: number | null;
  readonly left_prompt_time: number | null;
}

/** One text for each index that may lead, so that no plan has to serve two. */
const pages = {
  ofPrompt: pageBy('prompt_uid = $1 and ($2::text is null or user_sub = $2)'),
  ofPerson: pageBy('user_sub = $2 and $1::text is null'),
  ofAll: pageBy('$1::text is null and $2::text is null'),
};

function pageBy(which: string): string {
  return `
    select ${Object.keys(tables.sessions.columns).join(', ')} from read.prompt_sessions
    where ${which} and ($3::text is null or state = $3) and opened_position < $4::bigint
    order by opened_position desc limit $5`;
}

@QueryHandler(SessionPage)
export class SessionPageHandler implements IQueryHandler<SessionPage> {
  constructor(private readonly readModels: ReadModels) {}

  execute({ wanted: { promptUid, userSub, state, before, limit } }: SessionPage): Promise<readonly ListedSession[]> {
    const leads = promptUid !== undefined ? 'ofPrompt' : userSub !== undefined ? 'ofPerson' : 'ofAll';
    const values = [promptUid ?? null, userSub ?? null, state ?? null, before ?? Number.MAX_SAFE_INTEGER, limit];
    return this.readModels.query(tables.sessions.columns, pages[leads], values);
  }
}

/** The prompts that some sessions are in, each once. */
export class PromptsOfSessions extends Query<readonly PromptUid[]> {
  constructor(readonly sessionUids: readonly string[]) {
    super();
  }
}

@QueryHandler(PromptsOfSessions)
export class PromptsOfSessionsHandler implements IQueryHandler<PromptsOfSessions> {
  constructor(private readonly readModels: ReadModels) {}

  async execute({ sessionUids }: PromptsOfSessions): Promise<readonly PromptUid[]> {
    const sql = 'select distinct prompt_uid from read.prompt_sessions where session_uid = any($1)';
    const rows = await this.readModels.query({ prompt_uid: 'text' }, sql, [sessionUids]);
    return rows.map(({ prompt_uid }) => PromptUid.parse(prompt_uid));
  }
}
