import type { Json, JsonObject } from '../kernel/event-family.js';
import { PromptContent } from '../interactive-prompts/prompt-content.js';
import type { Lifted, Upcast } from '../kernel/upcast.js';

/**
 * The events of the journey era, and what they are today.
 *
 * Journeys asked their question themselves then; there were no prompts. A stay was a session of the journey, times were
 * journey times, and a lobby could last a fraction of a second longer. Nothing writes these types any more, but what has them
 * in its log is read for ever: this is all that the program still knows of them.
 *
 * Each lift knows one event and nothing else, so the prompt that a journey asked must follow from the journey: it has the
 * journey's id under its own prefix.
 */

/** Streams too: `journeySession-oseh_js_X` is `promptSession-oseh_ips_X`. */
const sessions = { from: 'journeySession-oseh_js_', to: 'promptSession-oseh_ips_' };

export const promptUidOfJourney = (journeyUid: string): string => withPrefix(journeyUid, 'oseh_j_', 'oseh_ip_');
export const sessionUidToday = (sessionUid: string): string => withPrefix(sessionUid, 'oseh_js_', 'oseh_ips_');
export const eventUidToday = (eventUid: string): string => withPrefix(eventUid, 'oseh_je_', 'oseh_ipe_');

/**
 * Prompts last whole seconds. Rounded up, nothing that happened in the lobby is after its end.
 */
export const wholeSeconds = (lobbyDurationSeconds: number): number => Math.ceil(lobbyDurationSeconds);

type Data = JsonObject;

const journeyPublished: Upcast = {
  type: 'JourneyPublished',
  version: 1,
  into: [{ type: 'JourneyCreated', schemaVersion: 1 }],
  lift: ({ data }) => ({
    type: 'JourneyCreated',
    schemaVersion: 1,
    data: {
      ...picked(data, ['journeyUid', 'title', 'subcategory', 'at']),
      promptUid: text(data['journeyUid'], promptUidOfJourney),
      content: contentOf(data['prompt']),
      durationSeconds: seconds(data['lobbyDurationSeconds']),
    },
  }),
};

const sessionEvents: readonly Upcast[] = [
  session('JourneySessionStarted', 'SessionOpened', (data) => ({
    ...stay(data),
    content: contentOf(data['prompt']),
    durationSeconds: seconds(data['lobbyDurationSeconds']),
    createdAt: data['startedAt'] ?? null,
    origin: originOf(data),
  })),
  session('JourneySessionJoined', 'SessionJoined', (data) => ({
    ...moment(data),
    ...picked(data, ['name']),
    origin: originOf(data),
  })),
  session('JourneySessionLiked', 'PromptLiked', moment),
  session('JourneySessionNumberAnswered', 'NumberAnswered', (data) => ({
    ...moment(data),
    ...picked(data, ['rating', 'previous']),
  })),
  session('JourneySessionColorAnswered', 'ColorAnswered', (data) => ({
    ...moment(data),
    ...picked(data, ['index', 'previous']),
  })),
  session('JourneySessionWordAnswered', 'WordAnswered', (data) => ({
    ...moment(data),
    ...picked(data, ['index', 'previous']),
  })),
  session('JourneySessionPressStarted', 'PressStarted', moment),
  session('JourneySessionPressEnded', 'PressEnded', moment),
  /** Nobody was ever taken out of a lobby then: whoever left, left. */
  session('JourneySessionLeft', 'SessionLeft', (data) => ({
    ...moment(data),
    ...picked(data, ['name']),
    reason: 'left',
  })),
];

export const journeyEraUpcasts: readonly Upcast[] = [journeyPublished, ...sessionEvents];

function session(type: string, today: string, data: (data: Data) => Data): Upcast {
  const into = { type: today, schemaVersion: 1 };
  return {
    type,
    version: 1,
    into: [into],
    lift: (stored): Lifted => ({ ...into, data: data(stored.data) }),
    streams: sessions,
  };
}

function stay(data: Data): Data {
  return {
    promptUid: text(data['journeyUid'], promptUidOfJourney),
    sessionUid: text(data['sessionUid'], sessionUidToday),
    ...picked(data, ['userSub']),
  };
}

function moment(data: Data): Data {
  return {
    ...stay(data),
    eventUid: text(data['eventUid'], eventUidToday),
    promptTime: data['journeyTime'] ?? null,
    durationSeconds: seconds(data['lobbyDurationSeconds']),
    ...picked(data, ['createdAt']),
  };
}

function originOf(data: Data): Data {
  return { kind: 'journey', ...picked(data, ['journeyUid', 'subcategory']) };
}

/** Jobs that made journeys wrote questions as they liked; today they are trimmed, and colors are in capitals. */
function contentOf(prompt: Json | undefined): Json {
  return PromptContent.safeParse(prompt).data ?? prompt ?? null;
}

function picked(data: Data, names: readonly string[]): Data {
  return Object.fromEntries(names.map((name) => [name, data[name] ?? null]));
}

/** What is of another kind is left as it is: the schema of today says what is wrong with it. */
function text(value: Json | undefined, change: (value: string) => string): Json {
  return typeof value === 'string' ? change(value) : (value ?? null);
}

function seconds(value: Json | undefined): Json {
  return typeof value === 'number' ? wholeSeconds(value) : (value ?? null);
}

function withPrefix(uid: string, from: string, to: string): string {
  return uid.startsWith(from) ? to + uid.slice(from.length) : uid;
}
