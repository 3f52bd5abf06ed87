import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { CannotStart } from '../../platform/config/cannot-start.js';
import { Dice } from './example-dice.js';
import { exampleSchema } from './example-schema.js';
import { exampleActs, raced, races, type ExamplePrompt, type Race } from './example-session.js';
import { ExampleSums, type ExampleAct } from './example-sums.js';

/**
 * Writes a database of the journey era of any size, with all that was odd about real ones: for tests, and for whoever wants to
 * see an import before it matters. The same order writes the same file.
 */
export function writeLegacyExample(path: string, { events, seed = 1 }: ExampleOrder): ExampleSummary {
  if (existsSync(path)) throw new CannotStart(`${path} is there already: an example is written to a new file.`);
  const database = new DatabaseSync(path);
  try {
    // An example that was half written is thrown away anyway.
    database.exec('pragma journal_mode = off; pragma synchronous = off; pragma foreign_keys = off');
    database.exec(exampleSchema);
    database.exec('begin');
    const summary = new Example(database, new Dice(seed)).write(events);
    database.exec('commit');
    return summary;
  } finally {
    database.close();
  }
}

export interface ExampleOrder {
  /** At least about so many. */
  readonly events: number;
  readonly seed?: number;
}

export interface ExampleSummary {
  readonly people: number;
  readonly journeys: number;
  readonly sessions: number;
  readonly events: number;
}

interface ExampleJourney {
  readonly id: number;
  readonly prompt: ExamplePrompt;
  readonly durationSeconds: number;
  readonly sums: ExampleSums;
}

interface ExampleEvent extends ExampleAct {
  readonly sessionId: number;
  readonly at: number;
}

/** Sessions that overlap in time: their events are written as they came, not session by session. */
const crowdMax = 24;
const firstDay = 1_677_628_800;

class Example {
  private readonly journeys: ExampleJourney[] = [];
  private readonly racesToShow: Race[] = [...races];
  private people = 0;
  private sessions = 0;
  private written = 0;
  private now = firstDay;

  constructor(
    private readonly database: DatabaseSync,
    private readonly dice: Dice,
  ) {}

  write(events: number): ExampleSummary {
    this.writePeople(Math.max(20, Math.ceil(events / 25)));
    this.writeJourneys(Math.max(12, Math.ceil(events / 1_000)));
    while (this.written < events) this.writeCrowd();
    this.writeWhatNobodyKnows();
    this.writeSums();
    this.shortenLobby();
    this.removePeople();
    return { people: this.people, journeys: this.journeys.length, sessions: this.sessions, events: this.written };
  }

  private writePeople(count: number): void {
    const insert = this.database.prepare('insert into users (sub, given_name, created_at) values (?, ?, ?)');
    for (let nth = 0; nth < count; nth += 1) {
      const name = nth % 17 === 0 ? null : this.dice.of(['Ada', 'Bao', 'Chidi', 'Dana', 'Zoë', 'Émile']);
      insert.run(`legacy-person-${String(nth + 1)}`, name, firstDay - this.dice.below(10_000_000));
    }
    this.people = count;
  }

  private writeJourneys(count: number): void {
    const subcategory = this.database.prepare(
      'insert into journey_subcategories (uid, internal_name, external_name) values (?, ?, ?)',
    );
    for (const [internal, external] of subcategories) subcategory.run(this.dice.uid('jsc'), internal, external);
    const insert = this.database.prepare(
      `insert into journeys (id, uid, title, journey_subcategory_id, prompt, lobby_duration_seconds, created_at, deleted_at)
       values (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    for (let nth = 0; nth < count; nth += 1) {
      // Some ids were given to journeys that are gone.
      const id = nth + 1 + Math.floor(nth / 5);
      const { json, prompt } = this.promptNo(nth);
      const durationSeconds = this.durationNo(nth);
      const subcategoryId = nth === 3 ? null : 1 + (nth % subcategories.length);
      const deletedAt = nth % 9 === 4 ? firstDay + 40_000_000 : null;
      const title = `Walk ${String(nth + 1)}${nth === 2 ? ' ' : ''}`;
      insert.run(id, this.dice.uid('j'), title, subcategoryId, json, durationSeconds, firstDay + nth, deletedAt);
      this.journeys.push({ id, prompt, durationSeconds, sums: new ExampleSums(durationSeconds) });
    }
  }

  /** Most lobbies last 20 seconds. Once they lasted as long as the audio, to the millisecond. */
  private durationNo(nth: number): number {
    if (nth % 10 === 6) return 60 + this.dice.below(250) + (1 + this.dice.below(7)) / 8;
    return nth % 4 === 3 ? 10 : 20;
  }

  private promptNo(nth: number): { readonly json: string; readonly prompt: ExamplePrompt } {
    const style = (['word', 'numeric', 'color', 'press'] as const)[nth % 4] ?? 'word';
    switch (style) {
      case 'word': {
        // One was written by a job that asked nobody how many options there may be.
        const options = nth === 8 ? 'abcdefghij'.split('') : ['Calm', 'Restless', 'Curious'];
        const json = JSON.stringify({
          style,
          text: nth === 0 ? ' How are you feeling? ' : 'How are you feeling?',
          options,
        });
        return { json, prompt: { style, answers: options.length, from: 0 } };
      }
      case 'numeric':
        return {
          json: JSON.stringify({ style, text: 'How was your day?', min: 1, max: 10, step: 1 }),
          prompt: { style, answers: 10, from: 1 },
        };
      case 'color':
        return {
          json: JSON.stringify({
            style,
            text: 'Which color are you?',
            colors: [nth === 2 ? '#1f6feb' : '#1F6FEB', '#FFFFFF', '#C0FFEE'],
          }),
          prompt: { style, answers: 3, from: 0 },
        };
      case 'press':
        return {
          json: JSON.stringify({ style, text: 'Hold while you breathe in' }),
          prompt: { style, answers: 0, from: 0 },
        };
    }
  }

  private writeCrowd(): void {
    const events: ExampleEvent[] = [];
    const some = this.dice.of(this.journeys);
    // Nobody took to the one with ten options.
    const journey =
      some.prompt.answers === 10 && some.prompt.style === 'word' && this.dice.happens(0.9)
        ? this.dice.of(this.journeys.slice(0, 8))
        : some;
    const size = 1 + this.dice.below(crowdMax);
    for (let nth = 0; nth < size; nth += 1) {
      this.now += this.dice.next() * 2;
      events.push(...this.writeSession(journey));
    }
    events.sort((one, other) => one.at - other.at || one.sessionId - other.sessionId);
    for (const event of events) this.writeEvent(event);
    this.now += 30;
  }

  private writeSession(journey: ExampleJourney): readonly ExampleEvent[] {
    this.sessions += 1;
    const insert = this.prepared('insert into journey_sessions (id, journey_id, user_id, uid) values (?, ?, ?, ?)');
    const sessionId = this.sessions;
    insert.run(sessionId, journey.id, 1 + this.dice.below(this.people), this.dice.uid('js'));
    const latest = new Map<string, number>();
    return this.actsIn(journey).map((act) => {
      journey.sums.take(act, latest.get(act.evtype));
      if (act.value !== undefined) latest.set(act.evtype, act.value);
      return { ...act, sessionId, at: this.now + act.time };
    });
  }

  /** Even a small example has every race once. */
  private actsIn({ prompt, durationSeconds }: ExampleJourney): readonly ExampleAct[] {
    const acts = exampleActs(prompt, durationSeconds, this.dice);
    if (acts.at(-1)?.evtype !== 'leave') return acts;
    const race = this.racesToShow.shift() ?? (this.dice.happens(0.01) ? this.dice.of(races) : undefined);
    return race === undefined ? acts : raced(acts, race);
  }

  private writeEvent({ sessionId, evtype, value, time, at }: ExampleEvent): void {
    this.written += 1;
    const insert = this.prepared(
      `insert into journey_events (uid, journey_session_id, evtype, data, journey_time, created_at) values (?, ?, ?, ?, ?, ?)`,
    );
    insert.run(this.dice.uid('je'), sessionId, evtype, dataOf(evtype, value), time, at);
  }

  /** Rows that no program of that time would have written, and that are there. */
  private writeWhatNobodyKnows(): void {
    const journey = this.journeys[0];
    if (journey === undefined) return;
    const sessionId = this.writeActs(journey, this.dice.uid('js'), [
      ['join', 0],
      ['dislike', 1],
      ['word_prompt_response', 2],
      ['word_prompt_response', 3, 1],
      ['like', 5],
      ['like', 4],
      ['press_prompt_end_response', 6],
    ]);
    // A test of long ago, with ids that were typed.
    this.writeActs(journey, 'a-test', [['join', 0]]);
    // The session of this one was removed while foreign keys were off; so was the journey of that one.
    this.writeEvent({ evtype: 'like', time: 1, value: undefined, sessionId: sessionId + 1_000, at: this.now });
    this.writeActs({ id: 999_999, sums: new ExampleSums(1) }, this.dice.uid('js'), [['join', 0]]);
  }

  private writeActs(
    { id, sums }: Pick<ExampleJourney, 'id' | 'sums'>,
    uid: string,
    acts: readonly (readonly [evtype: string, time: number, value?: number])[],
  ): number {
    this.sessions += 1;
    const sessionId = this.sessions;
    const insert = this.prepared('insert into journey_sessions (id, journey_id, user_id, uid) values (?, ?, ?, ?)');
    insert.run(sessionId, id, 1, uid);
    for (const [evtype, time, value] of acts) {
      sums.take({ evtype, time, value }, undefined);
      this.writeEvent({ evtype, time, value, sessionId, at: this.now + time });
    }
    return sessionId;
  }

  private writeSums(): void {
    const count = this.prepared('insert into journey_event_counts (journey_id, bucket, total) values (?, ?, ?)');
    const node = this.prepared(
      `insert into journey_event_fenwick_trees (journey_id, category, category_value, idx, val) values (?, ?, ?, ?, ?)`,
    );
    for (const { id, sums } of this.journeys) {
      for (const [bucket, total] of sums.counts) count.run(id, bucket, total);
      for (const [key, tree] of sums.trees) {
        const [category = '', value = ''] = key.split(' ');
        for (const [idx, val] of tree) node.run(id, category, value === '' ? null : Number(value), idx, val);
      }
    }
  }

  /** Somebody thought twenty seconds too long. What had happened stayed where it was, counted as it was. */
  private shortenLobby(): void {
    const journey = this.journeys[5];
    if (journey === undefined) return;
    this.database.prepare('update journeys set lobby_duration_seconds = 10 where id = ?').run(journey.id);
  }

  /** Whoever deleted their account took their sessions along, and left the sums as they were. One row is gone without them. */
  private removePeople(): void {
    for (const [nth, id] of [3, 7, 11, 13].entries()) {
      this.database.prepare('delete from users where id = ?').run(id);
      if (nth === 0) continue;
      this.database
        .prepare(
          'delete from journey_events where journey_session_id in (select id from journey_sessions where user_id = ?)',
        )
        .run(id);
      this.database.prepare('delete from journey_sessions where user_id = ?').run(id);
    }
  }

  private readonly statements = new Map<string, ReturnType<DatabaseSync['prepare']>>();

  private prepared(sql: string): ReturnType<DatabaseSync['prepare']> {
    const statement = this.statements.get(sql) ?? this.database.prepare(sql);
    this.statements.set(sql, statement);
    return statement;
  }
}

const subcategories = [
  ['sleep', 'Better sleep'],
  ['focus', 'Find focus'],
  ['relax', 'Unwind'],
] as const;

function dataOf(evtype: string, value: number | undefined): string {
  if (value === undefined) return '{}';
  return JSON.stringify(evtype === 'numeric_prompt_response' ? { rating: value } : { index: value });
}
