import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { promptSessionEvents } from '../../src/interactive-prompts/prompt-session.js';
import type { journeyEvents } from '../../src/journeys/journey.js';
import { projection } from '../../src/platform/projecting/projection.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { table } from '../../src/platform/projecting/table.js';

/**
 * Every journey there is, for administrators who look for some: by the style of the prompt that it asks now, and by whether
 * anybody ever started that one.
 *
 * Read: a page of journeys by primary key, with one row by primary key for each. Change: one row.
 */
const tables = {
  journeys: table({
    name: 'journey_list',
    columns: {
      journey_uid: 'text',
      title: 'text',
      prompt_uid: 'text',
      prompt_style: 'text',
      internal_name: 'text',
      created_at: 'double',
      deleted: 'boolean',
    },
    key: ['journey_uid'],
  }),
  started: table({ name: 'started_prompts', columns: { prompt_uid: 'text', sessions: 'bigint' }, key: ['prompt_uid'] }),
};

export const journeyList = projection<typeof journeyEvents & typeof promptSessionEvents>()({
  name: 'journey_list',
  version: 1,
  tables,
  when: {
    JourneyCreated: ({ journeyUid, title, promptUid, content, subcategory, at }, rows) => {
      const about = { title, internal_name: subcategory.internalName, created_at: at };
      rows.journeys.set(
        { journey_uid: journeyUid },
        { ...about, prompt_uid: promptUid, prompt_style: content.style, deleted: false },
      );
    },
    JourneyPromptReplaced: ({ journeyUid, promptUid, content }, rows) => {
      rows.journeys.set({ journey_uid: journeyUid }, { prompt_uid: promptUid, prompt_style: content.style });
    },
    JourneySubcategoryChanged: ({ journeyUid, subcategory }, rows) => {
      rows.journeys.set({ journey_uid: journeyUid }, { internal_name: subcategory.internalName });
    },
    JourneyRetitled: ({ journeyUid, title }, rows) => {
      rows.journeys.set({ journey_uid: journeyUid }, { title });
    },
    JourneyDeleted: ({ journeyUid }, rows) => {
      rows.journeys.set({ journey_uid: journeyUid }, { deleted: true });
    },
    JourneyUndeleted: ({ journeyUid }, rows) => {
      rows.journeys.set({ journey_uid: journeyUid }, { deleted: false });
    },
    SessionOpened: ({ promptUid }, rows) => {
      rows.started.add({ prompt_uid: promptUid }, { sessions: 1 });
    },
  },
});

/** Oldest id first. What is undefined or null does not restrict. */
export class JourneyPage extends Query<readonly ListedJourney[]> {
  constructor(readonly wanted: WantedJourneys) {
    super();
  }
}

export interface WantedJourneys {
  readonly promptStyle: string | undefined;
  readonly hasSessions: boolean | undefined;
  readonly after: string | undefined;
  readonly limit: number;
}

export interface ListedJourney {
  readonly journey_uid: string;
  readonly title: string;
  readonly prompt_uid: string;
  readonly prompt_style: string;
  readonly internal_name: string;
  readonly created_at: number;
  readonly deleted: boolean;
  readonly sessions: number;
}

const page = {
  columns: { ...tables.journeys.columns, sessions: 'bigint' },
  sql: `select journey_uid, title, prompt_uid, prompt_style, internal_name, created_at, deleted,
               coalesce(sessions, 0) as sessions
        from read.journey_list left join read.started_prompts using (prompt_uid)
        where ($1::text is null or prompt_style = $1) and ($2::boolean is null or (sessions is not null) = $2)
          and ($3::text is null or journey_uid > $3)
        order by journey_uid limit $4`,
} as const;

@QueryHandler(JourneyPage)
export class JourneyPageHandler implements IQueryHandler<JourneyPage> {
  constructor(private readonly readModels: ReadModels) {}

  execute({ wanted: { promptStyle, hasSessions, after, limit } }: JourneyPage): Promise<readonly ListedJourney[]> {
    const values = [promptStyle ?? null, hasSessions ?? null, after ?? null, limit];
    return this.readModels.query(page.columns, page.sql, values);
  }
}
