import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { promptSessionEvents } from '../../src/interactive-prompts/prompt-session.js';
import { PromptSessionUid, type UserSub } from '../../src/kernel/ids.js';
import { projection } from '../../src/platform/projecting/projection.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { table } from '../../src/platform/projecting/table.js';

/**
 * Which sessions somebody ever had, and since when: for whatever must reach all that belongs to a person, when they merge
 * accounts or want to be forgotten.
 *
 * Rows are only added, so the sessions that somebody had before a position are the same list for ever: a process that was
 * interrupted comes by each of them again, in the same order.
 *
 * Read: a page of a person's sessions, by primary key. Change: one row when a session is opened or changes hands.
 */
const tables = {
  sessions: table({
    name: 'person_sessions',
    columns: { user_sub: 'text', since: 'bigint', session_uid: 'text' },
    key: ['user_sub', 'since'],
  }),
};

export const sessionsOfPerson = projection<typeof promptSessionEvents>()({
  name: 'person_sessions',
  version: 1,
  tables,
  when: {
    SessionOpened: ({ userSub, sessionUid }, rows, { position }) => {
      rows.sessions.set({ user_sub: userSub, since: Number(position) }, { session_uid: sessionUid });
    },
    SessionOwnerChanged: ({ newOwner, sessionUid }, rows, { position }) => {
      rows.sessions.set({ user_sub: newOwner, since: Number(position) }, { session_uid: sessionUid });
    },
  },
});

export interface OwnedSession {
  readonly sessionUid: PromptSessionUid;
  readonly since: number;
}

/** A page of the sessions that became somebody's between two positions, neither included. */
export class SessionsOfPerson extends Query<readonly OwnedSession[]> {
  constructor(
    readonly userSub: UserSub,
    readonly after: number,
    readonly before: number,
  ) {
    super();
  }
}

const pageMax = 500;

@QueryHandler(SessionsOfPerson)
export class SessionsOfPersonHandler implements IQueryHandler<SessionsOfPerson> {
  constructor(private readonly readModels: ReadModels) {}

  async execute({ userSub, after, before }: SessionsOfPerson): Promise<readonly OwnedSession[]> {
    const sql = `select session_uid, since from read.person_sessions where user_sub = $1 and since > $2 and since < $3
                 order by since limit $4`;
    const columns = { session_uid: 'text', since: 'bigint' } as const;
    const rows = await this.readModels.query(columns, sql, [userSub, after, before, pageMax]);
    return rows.map(({ session_uid, since }) => ({ sessionUid: PromptSessionUid.parse(session_uid), since }));
  }
}
