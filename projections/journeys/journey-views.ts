import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { promptSessionEvents } from '../../src/interactive-prompts/prompt-session.js';
import type { journeyEvents } from '../../src/journeys/journey.js';
import type { JourneyUid, PromptUid } from '../../src/kernel/ids.js';
import { projection, type RowsOf } from '../../src/platform/projecting/projection.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { table } from '../../src/platform/projecting/table.js';

/**
 * How often a journey's lobby was entered, whichever prompt it showed then.
 *
 * The joins of each prompt and the prompts of each journey are kept apart, and meet in the question: an event changes one row
 * without looking for another, and no join is lost when the journey asks something else. Read: one row for each prompt the
 * journey ever asked, by an index and by primary key. Change: one row per join.
 */
const tables = {
  prompts: table({
    name: 'journey_prompts',
    columns: { prompt_uid: 'text', journey_uid: 'text' },
    key: ['prompt_uid'],
    indexes: [['journey_uid']],
  }),
  joins: table({
    name: 'prompt_joins',
    columns: { prompt_uid: 'text', joins: 'bigint' },
    key: ['prompt_uid'],
  }),
};

export const journeyViews = projection<typeof journeyEvents & typeof promptSessionEvents>()({
  name: 'journey_views',
  version: 1,
  tables,
  when: {
    JourneyCreated: belongs,
    JourneyPromptReplaced: belongs,
    SessionJoined: ({ promptUid }, rows) => {
      rows.joins.add({ prompt_uid: promptUid }, { joins: 1 });
    },
  },
});

interface Asked {
  readonly promptUid: PromptUid;
  readonly journeyUid: JourneyUid;
}

function belongs({ promptUid, journeyUid }: Asked, rows: RowsOf<typeof tables>): void {
  rows.prompts.set({ prompt_uid: promptUid }, { journey_uid: journeyUid });
}

/** undefined: no such journey. */
export class JourneyViews extends Query<number | undefined> {
  constructor(readonly journeyUid: JourneyUid) {
    super();
  }
}

@QueryHandler(JourneyViews)
export class JourneyViewsHandler implements IQueryHandler<JourneyViews> {
  constructor(private readonly readModels: ReadModels) {}

  async execute({ journeyUid }: JourneyViews): Promise<number | undefined> {
    const columns = { prompts: 'bigint', views: 'bigint' } as const;
    const sql = `select count(*) as prompts, coalesce(sum(joins), 0)::bigint as views
                 from read.journey_prompts left join read.prompt_joins using (prompt_uid) where journey_uid = $1`;
    const [row] = await this.readModels.query(columns, sql, [journeyUid]);
    return row === undefined || row.prompts === 0 ? undefined : row.views;
  }
}
