import { EventInvalid } from '../../platform/event-store/event-codec.js';
import type { PastEvent } from '../../platform/event-store/event-store.js';
import { OtherHistory, type HistoryAppender } from './append-history.js';
import { journeyHistory, sessionHistory, type SessionHistory, type StreamHistory } from './journey-history.js';
import type { LegacyEvent, LegacyFile, LegacyJourney, LegacySession } from './legacy-file.js';
import { Findings, type LeftOut } from './oddities.js';
import { noteOddities } from './session-oddities.js';

/**
 * Carries journeys, sessions and events over: journeys first, then session after session, oldest first, each with all of its
 * events in one append. A session is there or not, never in part, so an import that was killed goes on where it stood.
 */
export class JourneyImport {
  readonly findings = new Findings();
  readonly counted = { journeys: tally(), sessions: tally(), events: tally() };
  private readonly journeys = new Map<number, LegacyJourney>();
  private latestAt = 0;
  /** The last session was there already, so the next one probably is. */
  private isRepeating = false;

  constructor(
    private readonly file: LegacyFile,
    private readonly appender: HistoryAppender,
    private readonly options: ImportOptions,
  ) {}

  async run(): Promise<void> {
    for (const journey of this.file.journeys()) await this.takeJourney(journey);
    const sessionsTotal = this.file.extent('journey_sessions').rows;
    let behind: Promise<unknown> = Promise.resolve();
    for (let after = 0; ;) {
      const page = this.file.sessions(after, pageSessions);
      const [first, last] = [page[0], page.at(-1)];
      if (first === undefined || last === undefined) break;
      const events = bySession(this.file.events(first.id, last.id));
      const written = Promise.all(page.map((session) => this.takeSession(session, events.get(session.id) ?? [])));
      // Awaited later: the next page is read and prepared while the database writes this one.
      written.catch(() => undefined);
      await behind;
      behind = written;
      after = last.id;
      await this.options.onPage({ sessions: this.counted.sessions.read, sessionsTotal });
    }
    await behind;
    this.noteStrayEvents();
    this.noteMissingIds();
  }

  private async takeJourney(journey: LegacyJourney): Promise<void> {
    const { journeys } = this.counted;
    journeys.read += 1;
    const { journey: own, prompt } = journeyHistory(journey);
    const streams = [own, prompt];
    try {
      const flaw = this.flawOf(own) ?? this.flawOf(prompt);
      if (flaw !== undefined) throw new Unusable(flaw);
      count(journeys, this.options.dryRun || (await this.appender.begin(streams)) > 0 ? 1 : 0, 1);
    } catch (error) {
      journeys.leftOut += 1;
      this.findings.leaveOut('journey_unusable', { what: 'journey', uid: journey.uid, why: reasonOf(error) });
      return;
    }
    this.journeys.set(journey.id, journey);
    if (journey.deleted_at !== null) this.findings.note('journey_deleted', journey.uid);
    if (journey.internal_name === null) this.findings.note('subcategory_missing', journey.uid);
    if (!Number.isInteger(journey.lobby_duration_seconds)) this.findings.note('fractional_lobby', journey.uid);
  }

  private async takeSession(session: LegacySession, events: readonly LegacyEvent[]): Promise<void> {
    const { sessions, events: moments } = this.counted;
    sessions.read += 1;
    moments.read += events.length;
    const journey = this.journeys.get(session.journey_id);
    if (journey === undefined) {
      this.leaveSessionOut('session_without_journey', session, events, 'Its journey was not imported.');
      return;
    }
    this.latestAt = Math.max(this.latestAt, journey.created_at, ...events.map(({ created_at: at }) => at));
    const stay = { session, journey, events, startedAt: events[0]?.created_at ?? this.latestAt };
    const history = sessionHistory(stay);
    try {
      const { added, imported } = await this.carryOver(history);
      this.isRepeating = added === 0;
      count(sessions, added > imported ? 1 : 0, 1);
      // A session that was there may have got more of them meanwhile.
      count(moments, Math.min(added, imported), imported);
    } catch (error) {
      this.leaveSessionOut('session_unusable', { ...session, journeyUid: journey.uid }, events, reasonOf(error));
      return;
    }
    noteOddities(stay, this.findings);
    for (const { uid, evtype } of history.unreadable) {
      const why = `Nothing says what an event of the type ${evtype} with such data was.`;
      this.leaveEventOut({ uid, why, journeyUid: journey.uid });
    }
  }

  /** Only when a session was refused is it looked at event by event: nearly all are as they should be. */
  private async carryOver(history: SessionHistory): Promise<{ readonly added: number; readonly imported: number }> {
    if (this.options.dryRun) {
      const { length } = this.readable(history).history;
      return { added: length, imported: length - 1 };
    }
    if (this.isRepeating) {
      const readable = this.readable(history);
      const added = (await this.appender.isThere(readable)) ? 0 : await this.appender.begin([readable]);
      return { added, imported: readable.history.length - 1 };
    }
    try {
      return { added: await this.appender.begin([history]), imported: history.history.length - 1 };
    } catch (error) {
      if (!(error instanceof EventInvalid)) throw error;
      const readable = this.readable(history);
      return { added: await this.appender.begin([readable]), imported: readable.history.length - 1 };
    }
  }

  private readable({ stream, history }: StreamHistory): StreamHistory {
    const [started, ...moments] = history;
    const flaw = this.flawOf({ stream, history: history.slice(0, 1) });
    if (started === undefined || flaw !== undefined) throw new Unusable(flaw ?? 'It has no events.');
    const kept = moments.filter((past) => {
      const why = this.appender.flaw(past, stream);
      const journeyUid = textIn(past, 'journeyUid');
      if (why !== undefined) this.leaveEventOut({ uid: textIn(past, 'eventUid'), why, journeyUid });
      return why === undefined;
    });
    return { stream, history: [started, ...kept] };
  }

  private flawOf({ stream, history }: StreamHistory): string | undefined {
    return history.map((past) => this.appender.flaw(past, stream)).find((why) => why !== undefined);
  }

  private leaveSessionOut(
    oddity: 'session_unusable' | 'session_without_journey',
    { uid, journeyUid }: LegacySession & { readonly journeyUid?: string },
    events: readonly LegacyEvent[],
    why: string,
  ): void {
    const belongs = journeyUid === undefined ? {} : { journeyUid };
    this.counted.sessions.leftOut += 1;
    this.findings.leaveOut(oddity, { what: 'session', uid, why, ...belongs });
    for (const event of events) {
      const why = `Its session ${uid} was left out.`;
      this.counted.events.leftOut += 1;
      this.findings.leaveOut('event_of_left_out_session', { what: 'event', uid: event.uid, why, ...belongs });
    }
  }

  private leaveEventOut(event: Omit<LeftOut, 'what'>): void {
    this.counted.events.leftOut += 1;
    this.findings.leaveOut('event_unusable', { what: 'event', ...event });
  }

  private noteStrayEvents(): void {
    for (const { uid } of this.file.eventsWithoutSession()) {
      this.counted.events.read += 1;
      this.counted.events.leftOut += 1;
      this.findings.leaveOut('event_without_session', { what: 'event', uid, why: 'Its session does not exist.' });
    }
  }

  private noteMissingIds(): void {
    for (const table of ['journeys', 'journey_sessions', 'journey_events'] as const) {
      const { rows, last_id: lastId } = this.file.extent(table);
      if (lastId > rows) this.findings.note('ids_missing', `${String(lastId - rows)} of ${table}`, lastId - rows);
    }
  }
}

export interface ImportOptions {
  /** Reads and checks everything, and appends nothing. */
  readonly dryRun: boolean;
  readonly onPage: (progress: ImportProgress) => Promise<void>;
}

export interface ImportProgress {
  readonly sessions: number;
  readonly sessionsTotal: number;
}

/** `there`: an earlier import, or an earlier part of this one, had brought it. */
export interface Tally {
  read: number;
  imported: number;
  there: number;
  leftOut: number;
}

const pageSessions = 1_000;

function tally(): Tally {
  return { read: 0, imported: 0, there: 0, leftOut: 0 };
}

function count(tally: Tally, added: number, of: number): void {
  tally.imported += added;
  tally.there += of - added;
}

/** It could not be read again, so it must not be stored. */
class Unusable extends Error {
  override readonly name = 'Unusable';
}

/** A sentence for the report. Anything but these two is no fault of the file's, and ends the import. */
function reasonOf(error: unknown): string {
  if (error instanceof Unusable || error instanceof OtherHistory) return error.message;
  throw error;
}

function textIn({ data }: PastEvent, name: string): string {
  const text = data[name];
  return typeof text === 'string' ? text : 'unknown';
}

function bySession(events: readonly LegacyEvent[]): ReadonlyMap<number, readonly LegacyEvent[]> {
  return Map.groupBy(events, ({ journey_session_id: id }) => id);
}
