import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { promptSessionEvents } from '../../src/interactive-prompts/prompt-session.js';
import type { PromptUid } from '../../src/kernel/ids.js';
import type { personEvents } from '../../src/people/person.js';
import { projection } from '../../src/platform/projecting/projection.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { table } from '../../src/platform/projecting/table.js';

/**
 * What people look like, and who was where when: the faces that a prompt shows.
 *
 * A stay is a row with the prompt times at which it began and ended, exactly and not by bins. Read of a moment: the stays of
 * the prompt that had begun, by index. Change: one row.
 */
const tables = {
  pictures: table({
    name: 'profile_pictures',
    columns: { user_sub: 'text', image_uid: 'text' },
    key: ['user_sub'],
  }),
  stays: table({
    name: 'profile_picture_stays',
    columns: { session_uid: 'text', prompt_uid: 'text', user_sub: 'text', joined_at: 'double', left_at: 'double?' },
    key: ['session_uid'],
    indexes: [['prompt_uid', 'joined_at']],
  }),
};

export const profilePictures = projection<typeof promptSessionEvents & typeof personEvents>()({
  name: 'profile_pictures',
  version: 1,
  tables,
  when: {
    PictureChanged: ({ userSub, imageUid }, rows) => {
      if (imageUid === null) rows.pictures.remove({ user_sub: userSub });
      else rows.pictures.set({ user_sub: userSub }, { image_uid: imageUid });
    },
    PersonErased: ({ userSub }, rows) => {
      rows.pictures.remove({ user_sub: userSub });
    },
    SessionJoined: ({ sessionUid, promptUid, userSub, promptTime }, rows) => {
      const stay = { prompt_uid: promptUid, user_sub: userSub, joined_at: promptTime };
      rows.stays.set({ session_uid: sessionUid }, stay);
    },
    SessionLeft: ({ sessionUid, promptTime }, rows) => {
      rows.stays.set({ session_uid: sessionUid }, { left_at: promptTime });
    },
    SessionOwnerChanged: ({ sessionUid, promptUid, newOwner }, rows) => {
      // Also a session that was never joined changes hands; it has no stay to give away.
      const stay = rows.stays.get({ session_uid: sessionUid });
      if (stay !== undefined)
        rows.stays.set({ session_uid: sessionUid }, { prompt_uid: promptUid, user_sub: newOwner });
    },
    SessionErased: ({ sessionUid }, rows) => {
      rows.stays.remove({ session_uid: sessionUid });
    },
  },
  reads: (happened) =>
    happened.type === 'SessionOwnerChanged' ? { stays: [{ session_uid: happened.sessionUid }] } : {},
});

/** The latest pictures of people, by person. Whoever has none is left out. */
export class PictureOf extends Query<ReadonlyMap<string, string>> {
  constructor(readonly userSubs: readonly string[]) {
    super();
  }
}

@QueryHandler(PictureOf)
export class PictureOfHandler implements IQueryHandler<PictureOf> {
  constructor(private readonly readModels: ReadModels) {}

  async execute({ userSubs }: PictureOf): Promise<ReadonlyMap<string, string>> {
    if (userSubs.length === 0) return new Map();
    const sql = 'select user_sub, image_uid from read.profile_pictures where user_sub = any($1)';
    const rows = await this.readModels.query(tables.pictures.columns, sql, [userSubs]);
    return new Map(rows.map(({ user_sub, image_uid }) => [user_sub, image_uid]));
  }
}

/** Who is in a prompt at a prompt time and has a picture: some of them, by chance, but always the same for one time. */
export class PicturesAt extends Query<readonly Picture[]> {
  constructor(
    readonly promptUid: PromptUid,
    readonly promptTime: number,
  ) {
    super();
  }
}

export interface Picture {
  readonly user_sub: string;
  readonly image_uid: string;
}

const picturesMax = 25;

const chosen = {
  columns: { user_sub: 'text', image_uid: 'text' },
  sql: `select user_sub, image_uid
        from (select distinct user_sub from read.profile_picture_stays
              where prompt_uid = $1 and joined_at <= $2::double precision and (left_at is null or left_at > $2)) as present
        join read.profile_pictures using (user_sub)
        order by hashtextextended(user_sub || ' ' || $1, ($2 * 1000)::bigint) limit ${String(picturesMax)}`,
} as const;

@QueryHandler(PicturesAt)
export class PicturesAtHandler implements IQueryHandler<PicturesAt> {
  constructor(private readonly readModels: ReadModels) {}

  execute({ promptUid, promptTime }: PicturesAt): Promise<readonly Picture[]> {
    return this.readModels.query(chosen.columns, chosen.sql, [promptUid, promptTime]);
  }
}
