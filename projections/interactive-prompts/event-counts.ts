import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { promptSessionEvents, PromptSessionMoment } from '../../src/interactive-prompts/prompt-session.js';
import type { PromptUid } from '../../src/kernel/ids.js';
import { projection, type RowsOf } from '../../src/platform/projecting/projection.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { table } from '../../src/platform/projecting/table.js';
import { bucketOf } from './bins.js';

/**
 * How much happened in each second of a prompt, of every kind. It only ever grows; whoever shows a sample of a second asks it
 * how large a share the sample may take.
 *
 * Read: one row for each second of the prompt, and one more. Change: one row per event.
 */
const tables = {
  counts: table({
    name: 'event_counts',
    columns: { prompt_uid: 'text', bucket: 'integer', total: 'bigint' },
    key: ['prompt_uid', 'bucket'],
  }),
};

export const eventCounts = projection<typeof promptSessionEvents>()({
  name: 'event_counts',
  version: 2,
  tables,
  when: {
    SessionJoined: count,
    PromptLiked: count,
    NumberAnswered: count,
    ColorAnswered: count,
    WordAnswered: count,
    PressStarted: count,
    PressEnded: count,
    SessionLeft: count,
  },
});

function count({ promptUid, promptTime }: PromptSessionMoment, rows: RowsOf<typeof tables>): void {
  rows.counts.add({ prompt_uid: promptUid, bucket: bucketOf(promptTime) }, { total: 1 });
}

/** Seconds in which nothing happened are left out. */
export class EventCounts extends Query<readonly EventCount[]> {
  constructor(readonly promptUid: PromptUid) {
    super();
  }
}

export interface EventCount {
  readonly bucket: number;
  readonly total: number;
}

@QueryHandler(EventCounts)
export class EventCountsHandler implements IQueryHandler<EventCounts> {
  constructor(private readonly readModels: ReadModels) {}

  execute({ promptUid }: EventCounts): Promise<readonly EventCount[]> {
    const sql = 'select bucket, total from read.event_counts where prompt_uid = $1 order by bucket';
    return this.readModels.query({ bucket: 'integer', total: 'bigint' }, sql, [promptUid]);
  }
}
