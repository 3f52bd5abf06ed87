import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { journeyEvents } from '../../src/journeys/journey.js';
import type { JourneyUid } from '../../src/kernel/ids.js';
import { projection } from '../../src/platform/projecting/projection.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { table } from '../../src/platform/projecting/table.js';

/**
 * Which prompts a journey asked before the one it asks now. Whoever looks at the past of a journey finds it under these.
 *
 * A prompt is detached at most once, so the prompt is the key. Read: the rows of one journey, by an index. Change: one row for
 * each replaced prompt.
 */
const tables = {
  links: table({
    name: 'old_journey_links',
    columns: { prompt_uid: 'text', link_uid: 'text', journey_uid: 'text', detached_at: 'double' },
    key: ['prompt_uid'],
    indexes: [['journey_uid', 'detached_at']],
  }),
};

export const oldJourneyLinks = projection<typeof journeyEvents>()({
  name: 'old_journey_links',
  version: 1,
  tables,
  when: {
    JourneyPromptReplaced: ({ journeyUid, formerPromptUid, linkUid, at }, rows) => {
      rows.links.set({ prompt_uid: formerPromptUid }, { link_uid: linkUid, journey_uid: journeyUid, detached_at: at });
    },
  },
});

/** Oldest first. */
export class OldLinksOf extends Query<readonly OldJourneyLink[]> {
  constructor(readonly journeyUid: JourneyUid) {
    super();
  }
}

export interface OldJourneyLink {
  readonly link_uid: string;
  readonly prompt_uid: string;
  readonly detached_at: number;
}

@QueryHandler(OldLinksOf)
export class OldLinksOfHandler implements IQueryHandler<OldLinksOf> {
  constructor(private readonly readModels: ReadModels) {}

  execute({ journeyUid }: OldLinksOf): Promise<readonly OldJourneyLink[]> {
    const columns = { link_uid: 'text', prompt_uid: 'text', detached_at: 'double' } as const;
    const sql = `select link_uid, prompt_uid, detached_at from read.old_journey_links
                 where journey_uid = $1 order by detached_at, link_uid`;
    return this.readModels.query(columns, sql, [journeyUid]);
  }
}
