import { existsSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { z } from 'zod';
import { CannotStart } from '../../platform/config/cannot-start.js';

/**
 * A relational database of the journey era, as a SQLite file. Opened for reading only: what is imported from it can be looked
 * up in it for as long as somebody keeps it.
 *
 * SQLite holds anything in any column, so every row is checked as it comes.
 */
export class LegacyFile implements Disposable {
  private readonly prepared = new Map<string, StatementSync>();

  private constructor(
    readonly path: string,
    private readonly database: DatabaseSync,
  ) {}

  /** Rejects what is no such database with a sentence. */
  static open(path: string): LegacyFile {
    if (!existsSync(path)) throw new CannotStart(`There is no file ${path}.`);
    const file = new LegacyFile(path, opened(path));
    const missing = file.missing();
    if (missing.length > 0) {
      file[Symbol.dispose]();
      throw new CannotStart(`${path} is no database of the journey era: it lacks ${missing.join(', ')}.`);
    }
    return file;
  }

  [Symbol.dispose](): void {
    this.database.close();
  }

  journeys(): readonly LegacyJourney[] {
    return this.all(
      LegacyJourney,
      `select j.id, j.uid, j.title, j.prompt, j.lobby_duration_seconds, j.created_at, j.deleted_at,
         c.internal_name, c.external_name
       from journeys j left join journey_subcategories c on c.id = j.journey_subcategory_id order by j.id`,
    );
  }

  /** Oldest first. The person may be missing; the journey, too. */
  sessions(afterId: number, limit: number): readonly LegacySession[] {
    return this.all(
      LegacySession,
      `select s.id, s.uid, s.journey_id, s.user_id, u.sub, u.given_name
       from journey_sessions s left join users u on u.id = s.user_id where s.id > ? order by s.id limit ?`,
      [afterId, limit],
    );
  }

  sessionsOfJourney(journeyId: number): readonly LegacySession[] {
    return this.all(
      LegacySession,
      `select s.id, s.uid, s.journey_id, s.user_id, u.sub, u.given_name
       from journey_sessions s left join users u on u.id = s.user_id where s.journey_id = ? order by s.id`,
      [journeyId],
    );
  }

  /** Of all sessions between two ids, both included: in the order of the sessions, and then as they were written. */
  events(fromSessionId: number, toSessionId: number): readonly LegacyEvent[] {
    return this.all(
      LegacyEvent,
      `select ${eventColumns} from journey_events
       where journey_session_id >= ? and journey_session_id <= ? order by journey_session_id, id`,
      [fromSessionId, toSessionId],
    );
  }

  eventsOfJourney(journeyId: number): readonly LegacyEvent[] {
    return this.all(
      LegacyEvent,
      `select ${eventColumns} from journey_events
       where journey_session_id in (select id from journey_sessions where journey_id = ?) order by journey_session_id, id`,
      [journeyId],
    );
  }

  eventsWithoutSession(): readonly LegacyEvent[] {
    return this.all(
      LegacyEvent,
      `select ${eventColumns} from journey_events
       where not exists (select 1 from journey_sessions s where s.id = journey_session_id) order by id`,
    );
  }

  counts(journeyId: number): readonly LegacyCount[] {
    return this.all(LegacyCount, 'select bucket, total from journey_event_counts where journey_id = ?', [journeyId]);
  }

  nodes(journeyId: number): readonly LegacyNode[] {
    const sql = 'select category, category_value, idx, val from journey_event_fenwick_trees where journey_id = ?';
    return this.all(LegacyNode, sql, [journeyId]);
  }

  extent(table: 'journeys' | 'journey_sessions' | 'journey_events'): Extent {
    const sql = `select count(*) as rows, coalesce(max(id), 0) as last_id from ${table}`;
    const [extent] = z.tuple([Extent]).parse(this.all(Extent, sql));
    return extent;
  }

  private missing(): string[] {
    return Object.entries(shape).flatMap(([table, columns]) => {
      const there = this.all(Column, `select name from pragma_table_info('${table}')`).map(({ name }) => name);
      if (there.length === 0) return [`the table ${table}`];
      return columns.filter((column) => !there.includes(column)).map((column) => `the column ${table}.${column}`);
    });
  }

  private all<Row>(row: z.ZodType<Row>, sql: string, values: readonly SQLInputValue[] = []): Row[] {
    let statement = this.prepared.get(sql);
    if (statement === undefined) this.prepared.set(sql, (statement = this.database.prepare(sql)));
    const read: Row[] = [];
    for (const each of statement.iterate(...values)) {
      const parsed = row.safeParse(each);
      if (!parsed.success) throw new CannotStart(unreadable(each, parsed.error));
      read.push(parsed.data);
    }
    return read;
  }
}

/** A column that holds another kind of thing than it should: nobody can say what was meant, so somebody has to look. */
function unreadable(row: object, error: z.ZodError): string {
  const flaws = error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  const named = ['uid', 'category', 'bucket'].flatMap((name) =>
    name in row ? [`${name} ${String(Reflect.get(row, name))}`] : [],
  );
  return `The file has a row that cannot be read (${named.join(', ')}): ${flaws.join('; ')}.`;
}

function opened(path: string): DatabaseSync {
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    database.prepare('select count(*) from sqlite_schema').get();
    return database;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CannotStart(`${path} cannot be read as a SQLite database: ${why}.`, { cause: error });
  }
}

const shape = {
  users: ['id', 'sub', 'given_name'],
  journey_subcategories: ['id', 'internal_name', 'external_name'],
  journeys: [
    'id',
    'uid',
    'title',
    'journey_subcategory_id',
    'prompt',
    'lobby_duration_seconds',
    'created_at',
    'deleted_at',
  ],
  journey_sessions: ['id', 'uid', 'journey_id', 'user_id'],
  journey_events: ['id', 'uid', 'journey_session_id', 'evtype', 'data', 'journey_time', 'created_at'],
  journey_event_counts: ['journey_id', 'bucket', 'total'],
  journey_event_fenwick_trees: ['journey_id', 'category', 'category_value', 'idx', 'val'],
} as const;

const eventColumns = 'id, uid, journey_session_id, evtype, data, journey_time, created_at';

const Column = z.object({ name: z.string() });
const Extent = z.object({ rows: z.number(), last_id: z.number() });
type Extent = z.infer<typeof Extent>;

const LegacyJourney = z.object({
  id: z.int(),
  uid: z.string(),
  title: z.string(),
  prompt: z.string(),
  lobby_duration_seconds: z.number(),
  created_at: z.number(),
  deleted_at: z.number().nullable(),
  internal_name: z.string().nullable(),
  external_name: z.string().nullable(),
});
export type LegacyJourney = z.infer<typeof LegacyJourney>;

const LegacySession = z.object({
  id: z.int(),
  uid: z.string(),
  journey_id: z.int(),
  user_id: z.int(),
  sub: z.string().nullable(),
  given_name: z.string().nullable(),
});
export type LegacySession = z.infer<typeof LegacySession>;

const LegacyEvent = z.object({
  id: z.int(),
  uid: z.string(),
  journey_session_id: z.int(),
  evtype: z.string(),
  data: z.string(),
  journey_time: z.number(),
  created_at: z.number(),
});
export type LegacyEvent = z.infer<typeof LegacyEvent>;

const LegacyCount = z.object({ bucket: z.int(), total: z.int() });
export type LegacyCount = z.infer<typeof LegacyCount>;

const LegacyNode = z.object({
  category: z.string(),
  category_value: z.int().nullable(),
  idx: z.int(),
  val: z.int(),
});
export type LegacyNode = z.infer<typeof LegacyNode>;
