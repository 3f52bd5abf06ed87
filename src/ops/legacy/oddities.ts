/**
 * What a legacy database holds that one would not expect, by name, and what becomes of it. The names are for scripts; the
 * sentences are for whoever decides whether that is right.
 */
export const oddities = {
  fractional_lobby: 'The lobby lasts a fraction of a second longer than whole seconds. It is rounded up.',
  ids_missing: 'Ids are missing: rows were removed, but what they had added to counts and sums was not taken back.',
  journey_deleted: 'The journey was deleted. It is imported, and deleted.',
  subcategory_missing: 'The journey has no subcategory. It gets one that is called "unknown".',
  journey_unusable: 'The journey cannot be what a journey is today. It is left out, with its sessions and events.',
  person_missing:
    'The person of the session is not in the users table. The session is imported for a stand-in who is named after the id.',
  session_without_journey: 'The journey of the session does not exist. The session is left out, with its events.',
  session_without_events:
    'Nobody ever joined the session. It is imported as started, at the time of the event before it.',
  session_unusable: 'The session cannot be read as one. It is left out, with its events.',
  event_without_session: 'The session of the event does not exist. The event is left out.',
  event_of_left_out_session: 'The session of the event is left out, and the event with it.',
  event_unusable: 'The event cannot be read as one. It is left out; the rest of its session is imported.',
  event_beyond_lobby:
    'The event happened after the end of the lobby, which was made shorter later. It is imported as it is.',
  event_before_join: 'The session did something before it was joined. It is imported as it is.',
  event_after_leave: 'The session did something after it was left. It is imported as it is.',
  event_out_of_order: 'The event was written after a later one of its session. It is imported in the order of writing.',
  joined_again: 'The session was joined more than once. Each is imported, and counts.',
  left_again: 'The session was left more than once. Each is imported, and counts.',
  press_without_end: 'The session was left while pressing. It is imported as it is, and presses to the end.',
  press_ended_again: 'A press ended that had not begun. It is imported as it is.',
  answer_out_of_place: 'The answer is none that the journey’s prompt offers. It is imported as it is.',
} as const;

export type Oddity = keyof typeof oddities;

/** What was not imported, and why: each one, so that nothing is dropped in silence. */
export interface LeftOut {
  readonly what: 'journey' | 'session' | 'event';
  readonly uid: string;
  readonly why: string;
  /** The journey that it belongs to, if that was imported. */
  readonly journeyUid?: string;
}

export interface Found {
  readonly oddity: Oddity;
  readonly count: number;
  readonly meaning: string;
  /** The first of them. */
  readonly examples: readonly string[];
}

const examplesMax = 5;

/** Counts oddities while a file is read. */
export class Findings {
  private readonly found = new Map<Oddity, { count: number; readonly examples: string[] }>();
  readonly leftOut: LeftOut[] = [];

  note(oddity: Oddity, example: string, count = 1): void {
    const own = this.found.get(oddity) ?? { count: 0, examples: [] };
    own.count += count;
    if (own.examples.length < examplesMax) own.examples.push(example);
    this.found.set(oddity, own);
  }

  leaveOut(oddity: Oddity, left: LeftOut): void {
    this.note(oddity, left.uid);
    this.leftOut.push(left);
  }

  list(): readonly Found[] {
    return [...this.found]
      .map(([oddity, { count, examples }]) => ({ oddity, count, meaning: oddities[oddity], examples }))
      .toSorted((one, other) => one.oddity.localeCompare(other.oddity));
  }
}
