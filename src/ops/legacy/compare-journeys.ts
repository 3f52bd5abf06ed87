import { CompareJourney, type HereParts } from './compare-journey.js';
import { emptyTables, type TableComparison, type TableReport, type Tables } from './comparison.js';
import type { LegacyFile } from './legacy-file.js';
import type { LeftOut } from './oddities.js';

/**
 * Every row of the legacy tables against what is here, journey by journey, so that it takes no more memory than the largest
 * one.
 *
 * While it looks, people may go on here, and one read model may have seen what another hasn't. So a journey that differs is
 * looked at again before it counts.
 */
export async function compareJourneys(
  file: LegacyFile,
  here: Omit<HereParts, 'leftOut'>,
  options: ComparingOptions,
): Promise<readonly TableReport[]> {
  const tables = emptyTables();
  const leftOut = new Set(options.leftOut.map(({ uid }) => uid));
  const journeys = file.journeys().filter(({ uid }) => !leftOut.has(uid));
  let removed = 0;
  for (const [nth, journey] of journeys.entries()) {
    const compare = (own: Tables) => new CompareJourney(journey, file, { ...here, leftOut }, own).run();
    removed += await untilQuiet(compare, tables, options.caughtUp);
    options.onProgress({ journeys: nth + 1, journeysTotal: journeys.length });
  }
  passOver(options.leftOut, tables);
  expectRows(file, tables);
  expectRemoved(file, removed, tables.counts);
  return Object.values(tables).map((table: TableComparison) => table.report());
}

export interface ComparingOptions {
  readonly leftOut: readonly LeftOut[];
  /** Resolves when the read models have seen what is in the log now. */
  readonly caughtUp: () => Promise<void>;
  readonly onProgress: (progress: ComparingProgress) => void;
}

export interface ComparingProgress {
  readonly journeys: number;
  readonly journeysTotal: number;
}

const looksMax = 3;

async function untilQuiet(
  compare: (own: Tables) => Promise<number>,
  tables: Tables,
  caughtUp: () => Promise<void>,
): Promise<number> {
  for (let look = 1; ; look += 1) {
    const own = emptyTables();
    const removed = await compare(own);
    if (look === looksMax || Object.values(own).every((table: TableComparison) => table.isClean)) {
      for (const [name, table] of namesOf(tables)) table.add(own[name]);
      return removed;
    }
    await caughtUp();
  }
}

function namesOf(tables: Tables): readonly (readonly [keyof Tables, TableComparison])[] {
  const { journeys, sessions, events, counts, sums, views } = tables;
  return [
    ['journeys', journeys],
    ['sessions', sessions],
    ['events', events],
    ['counts', counts],
    ['sums', sums],
    ['views', views],
  ];
}

/** What was left out together with its journey, or belongs to none. */
function passOver(leftOut: readonly LeftOut[], tables: Tables): void {
  const tableOf = { journey: tables.journeys, session: tables.sessions, event: tables.events };
  for (const { what, uid, journeyUid } of leftOut) {
    if (journeyUid !== undefined) continue;
    tableOf[what].looked();
    tableOf[what].differs('left_out', uid);
  }
}

/** A comparison that looks at less than there is would be clean too easily. */
function expectRows(file: LegacyFile, { journeys, sessions, events }: Tables): void {
  const expected = [
    [journeys, file.extent('journeys').rows],
    [sessions, file.extent('journey_sessions').rows],
    [events, file.extent('journey_events').rows],
  ] as const;
  for (const [table, rows] of expected) {
    if (table.rows !== rows) table.fails({ what: 'rows looked at', theirs: rows, ours: table.rows });
  }
}

/** Counts may be higher than the events that are left, but not by more than were removed. */
function expectRemoved(file: LegacyFile, removed: number, counts: TableComparison): void {
  const { rows, last_id: lastId } = file.extent('journey_events');
  const gone = lastId - rows + file.eventsWithoutSession().length;
  if (removed > gone) counts.fails({ what: 'events that were counted and are gone', theirs: removed, ours: gone });
}
