import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { PromptContent } from '../../interactive-prompts/prompt-content.js';
import {
  eventUidToday,
  promptUidOfJourney,
  sessionUidToday,
  wholeSeconds,
} from '../../journeys/journey-era-upcasts.js';
import type { EventStore } from '../../platform/event-store/event-store.js';
import type { Named, Tables } from './comparison.js';
import { CompareSums, type Explanations } from './compare-sums.js';
import { indexIn, journeyHistory, promptOf, ratingIn, subOf, subcategoryOf } from './journey-history.js';
import type { LegacyEvent, LegacyFile, LegacyJourney, LegacySession } from './legacy-file.js';
import { recount, type Happening } from './recount.js';
import type { EventHere, RowsHere } from './rows-here.js';

/** One journey with all that belongs to it, there and here. */
export class CompareJourney {
  private readonly promptUid: string;

  constructor(
    private readonly journey: LegacyJourney,
    private readonly there: LegacyFile,
    private readonly here: HereParts,
    private readonly tables: Tables,
  ) {
    this.promptUid = promptUidOfJourney(journey.uid);
  }

  /** How many events more than there are the legacy counts have. */
  async run(): Promise<number> {
    this.tables.journeys.looked();
    await this.compareJourney();
    const sessions = this.there.sessionsOfJourney(this.journey.id);
    await this.compareSessions(sessions);
    const events = this.there.eventsOfJourney(this.journey.id);
    const eventsHere = await this.here.rows.events(this.promptUid);
    const isAddedTo = this.compareEvents(events, sessions, eventsHere);
    return this.compareSums(events, eventsHere, isAddedTo);
  }

  private async compareJourney(): Promise<void> {
    const { journey } = this;
    const table = this.tables.journeys;
    const theirs = this.journeyThere();
    const ours = await this.journeyHere();
    const differences = differencesOf(journey);
    if (!isDeepStrictEqual(theirs, ours)) {
      const hasChangedHere = ours.title !== undefined && (await this.hasGoneOn());
      if (hasChangedHere) table.differs('here_since', journey.uid);
      else table.fails({ what: journey.uid, theirs: JSON.stringify(theirs), ours: JSON.stringify(ours) });
    } else if (differences.length === 0) table.same();
    else for (const name of differences) table.differs(name, journey.uid);
  }

  /** As it should be here. */
  private journeyThere() {
    const { journey, promptUid } = this;
    return {
      title: journey.title.trim(),
      prompt_uid: promptUid,
      internal_name: subcategoryOf(journey).internalName,
      created_at: journey.created_at,
      deleted: journey.deleted_at !== null,
      content: PromptContent.parse(promptOf(journey)),
      durationSeconds: wholeSeconds(journey.lobby_duration_seconds),
    };
  }

  private async journeyHere() {
    const row = await this.here.rows.journey(this.journey.uid);
    const { events } = await this.here.store.readStream(`prompt-${this.promptUid}`, { limit: 1 });
    const { data } = Created.safeParse(events[0]?.event);
    return { title: undefined, ...row, ...data };
  }

  private async hasGoneOn(): Promise<boolean> {
    const { stream, history } = journeyHistory(this.journey).journey;
    return (await this.here.store.readStream(stream)).version > history.length;
  }

  private async compareSessions(sessions: readonly LegacySession[]): Promise<void> {
    const table = this.tables.sessions;
    const rows = new Map((await this.here.rows.sessions(this.promptUid)).map((row) => [row.session_uid, row]));
    for (const session of sessions) {
      table.looked();
      const uid = sessionUidToday(session.uid);
      const owner = rows.get(uid)?.user_sub;
      if (owner === subOf(session) && session.sub !== null) table.same();
      else {
        const name = await this.whyOtherSession(session, owner);
        if (name === undefined) table.fails({ what: session.uid, theirs: subOf(session), ours: owner ?? null });
        else table.differs(name, session.uid);
      }
      rows.delete(uid);
    }
    for (const uid of rows.keys()) table.differs('here_since', uid);
  }

  /** The owner is undefined when the session is not here, and null when nobody's any more. */
  private async whyOtherSession(session: LegacySession, owner: string | null | undefined): Promise<Named | undefined> {
    if (owner === subOf(session)) return 'stand_in';
    if (owner === undefined) return this.here.leftOut.has(session.uid) ? 'left_out' : undefined;
    return (await this.hasNewOwner(sessionUidToday(session.uid))) ? 'here_since' : undefined;
  }

  private async hasNewOwner(sessionUid: string): Promise<boolean> {
    const { events } = await this.here.store.readStream(`promptSession-${sessionUid}`);
    return events.some(({ event }) => event.type === 'SessionOwnerChanged' || event.type === 'SessionErased');
  }

  /** Whether there are more here. */
  private compareEvents(
    events: readonly LegacyEvent[],
    sessions: readonly LegacySession[],
    eventsHere: readonly EventHere[],
  ): boolean {
    const table = this.tables.events;
    const rows = new Map(eventsHere.map((event) => [event.uid, event]));
    const sessionUids = new Map(sessions.map(({ id, uid }) => [id, sessionUidToday(uid)]));
    for (const event of events) {
      table.looked();
      const { uid, created_at: createdAt } = event;
      const today = eventUidToday(uid);
      const sessionUid = sessionUids.get(event.journey_session_id) ?? '';
      const { evtype, time, value } = happening(event, sessionUid);
      const row = rows.get(today);
      rows.delete(today);
      const theirs = { uid: today, sessionUid, evtype, time, createdAt, value };
      if (row !== undefined && isDeepStrictEqual(theirs, row)) table.same();
      else if (row === undefined && this.here.leftOut.has(uid)) table.differs('left_out', uid);
      else
        table.fails({
          what: uid,
          theirs: JSON.stringify(theirs),
          ours: row === undefined ? null : JSON.stringify(row),
        });
    }
    for (const uid of rows.keys()) table.differs('here_since', uid);
    return rows.size > 0;
  }

  private async compareSums(
    events: readonly LegacyEvent[],
    eventsHere: readonly EventHere[],
    isAddedTo: boolean,
  ): Promise<number> {
    const { journey, promptUid } = this;
    const lobby = journey.lobby_duration_seconds;
    const theirs = recount(
      events.map((event) => happening(event, String(event.journey_session_id))),
      lobby,
    );
    const ours = recount(eventsHere, wholeSeconds(lobby));
    const explanations: Explanations = {
      isLeftOut: events.some(({ uid }) => this.here.leftOut.has(uid)),
      isAddedTo,
      isRounded: !Number.isInteger(lobby),
      isShortened: events.some(({ journey_time: time }) => time > wholeSeconds(lobby)),
    };
    const compare = new CompareSums(journey.uid, { theirs, ours }, explanations, this.tables);
    const removed = compare.seconds(this.there.counts(journey.id), await this.here.rows.seconds(promptUid));
    compare.sums(this.there.nodes(journey.id), await this.here.rows.sums(promptUid, ours.bins), removed);
    compare.views(this.there.nodes(journey.id), await this.here.rows.joins(promptUid), {
      theirs: joinsIn(events),
      ours: joinsIn(eventsHere),
    });
    return removed;
  }
}

export interface HereParts {
  readonly rows: RowsHere;
  readonly store: EventStore;
  /** The ids, as they were there, of what was not imported. */
  readonly leftOut: ReadonlySet<string>;
}

function joinsIn(events: readonly { readonly evtype: string }[]): number {
  return events.filter(({ evtype }) => evtype === 'join').length;
}

function happening({ evtype, journey_time: time, data }: LegacyEvent, sessionUid: string): Happening {
  return { sessionUid, evtype, time, value: evtype === 'numeric_prompt_response' ? ratingIn(data) : indexIn(data) };
}

const Created = z.object({ content: PromptContent, durationSeconds: z.number() });

/** Why a journey cannot be here what it was there, to the letter. */
function differencesOf(journey: LegacyJourney): readonly Named[] {
  const { title, internal_name: subcategory, lobby_duration_seconds: lobby } = journey;
  const prompt = promptOf(journey);
  const isTidied = title !== title.trim() || !isDeepStrictEqual(PromptContent.parse(prompt), prompt);
  const differences: (Named | false)[] = [
    isTidied && 'tidied',
    subcategory === null && 'unknown_subcategory',
    !Number.isInteger(lobby) && 'rounded_lobby',
  ];
  return differences.filter((name) => name !== false);
}
