import { createHash } from 'node:crypto';
import { stringify } from 'uuid';
import { z } from 'zod';
import type { Json, JsonObject } from '../../kernel/event-family.js';
import { isStorableText } from '../../kernel/text.js';
import { nobodysName } from '../../interactive-prompts/display-name.js';
import { PromptContent, type PromptShape, shapeOf } from '../../interactive-prompts/prompt-content.js';
import { promptUidOfJourney, wholeSeconds } from '../../journeys/journey-era-upcasts.js';
import type { PastEvent } from '../../platform/event-store/event-store.js';
import type { LegacyEvent, LegacyJourney, LegacySession } from './legacy-file.js';

/** Rows of the journey era as the events that the journey era would have stored. The same rows yield the same events, ids included. */

/** A journey, and the prompt that was a part of it then. */
export function journeyHistory(journey: LegacyJourney): JourneyHistory {
  const { uid: journeyUid, created_at: at, deleted_at: deletedAt } = journey;
  const promptUid = promptUidOfJourney(journeyUid);
  const prompt = promptOf(journey);
  const published = past(`${journeyUid} published`, 'JourneyPublished', {
    journeyUid,
    title: journey.title.trim(),
    subcategory: subcategoryOf(journey),
    prompt,
    lobbyDurationSeconds: journey.lobby_duration_seconds,
    at,
  });
  const deleted =
    deletedAt === null ? [] : [past(`${journeyUid} deleted`, 'JourneyDeleted', { journeyUid, at: deletedAt })];
  // There were no prompts, so there is no earlier type to lift: this one begins with the import.
  const created = past(`${promptUid} created`, 'PromptCreated', {
    promptUid,
    content: PromptContent.safeParse(prompt).data ?? prompt,
    durationSeconds: wholeSeconds(journey.lobby_duration_seconds),
    createdAt: at,
  });
  return {
    journey: { stream: `journey-${journeyUid}`, history: [published, ...deleted] },
    prompt: { stream: `prompt-${promptUid}`, history: [created] },
  };
}

export interface StreamHistory {
  readonly stream: string;
  readonly history: readonly PastEvent[];
}

export interface JourneyHistory {
  readonly journey: StreamHistory;
  readonly prompt: StreamHistory;
}

/** What the text of the column says, if it is JSON; else the text itself, which no schema takes for a prompt. */
export function promptOf({ prompt }: Pick<LegacyJourney, 'prompt'>): Json {
  return AnyJson.safeParse(parsedIn(prompt)).data ?? prompt;
}

const AnyJson = z.json();

/** The shape of the journey's prompt; undefined when it is none of today. */
export function shapeOfJourney(journey: LegacyJourney): PromptShape | undefined {
  const content = PromptContent.safeParse(promptOf(journey));
  return content.success ? shapeOf(content.data) : undefined;
}

export function subcategoryOf({ internal_name: internalName, external_name: externalName }: LegacyJourney) {
  return { internalName: internalName ?? unknownSubcategory, externalName: externalName ?? unknownSubcategory };
}

const unknownSubcategory = 'unknown';

export interface LegacyStay {
  readonly session: LegacySession;
  readonly journey: LegacyJourney;
  /** In the order in which they were written. */
  readonly events: readonly LegacyEvent[];
  /** When somebody got the session: nobody wrote that down, so it is the first event's time, or that of the latest before. */
  readonly startedAt: number;
}

export function sessionHistory({ session, journey, events, startedAt }: LegacyStay): SessionHistory {
  const stay = { journeyUid: journey.uid, sessionUid: session.uid, userSub: subOf(session) };
  const subcategory = subcategoryOf(journey);
  const lobbyDurationSeconds = journey.lobby_duration_seconds;
  const started = past(`${session.uid} started`, 'JourneySessionStarted', {
    ...stay,
    prompt: promptOf(journey),
    lobbyDurationSeconds,
    subcategory,
    startedAt,
  });
  const name = nameOf(session);
  const latest = new Map<string, number>();
  const unreadable: LegacyEvent[] = [];
  const history: PastEvent[] = [started];
  for (const event of events) {
    const moment = { ...stay, eventUid: event.uid, journeyTime: event.journey_time, lobbyDurationSeconds };
    const said = saidBy(event, { name, subcategory }, latest);
    if (said === undefined) unreadable.push(event);
    else history.push(past(event.uid, said.type, { ...moment, createdAt: event.created_at, ...said.data }));
  }
  return { stream: `journeySession-${session.uid}`, history, unreadable };
}

export interface SessionHistory extends StreamHistory {
  /** Of no known type, or without what its type must say. */
  readonly unreadable: readonly LegacyEvent[];
}

/** The id that the event has in the log, from the row that it comes from. */
function idOf(source: string): string {
  const bytes = createHash('sha256').update(`journey era ${source}`).digest().subarray(0, 16);
  // Version 8 is for ids that are made in ways of one's own.
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return stringify(bytes);
}

function past(source: string, type: string, data: JsonObject): PastEvent {
  return { id: idOf(source), type, schemaVersion: 1, data };
}

/** Whose account is gone is somebody else than everybody who has one. */
export function subOf({ sub, user_id: userId }: LegacySession): string {
  return sub ?? `journey-era-user-${String(userId)}`;
}

function nameOf({ given_name: name }: LegacySession): string {
  const trimmed = name?.trim() ?? '';
  return trimmed === '' || !isStorableText(trimmed) ? nobodysName : trimmed;
}

interface Said {
  readonly type: string;
  readonly data: JsonObject;
}

function saidBy(
  { evtype, data: json }: LegacyEvent,
  entering: { readonly name: string; readonly subcategory: JsonObject },
  latest: Map<string, number>,
): Said | undefined {
  switch (evtype) {
    case 'join':
      return { type: 'JourneySessionJoined', data: { ...entering } };
    case 'leave':
      return { type: 'JourneySessionLeft', data: { name: entering.name } };
    case 'like':
      return { type: 'JourneySessionLiked', data: {} };
    case 'press_prompt_start_response':
      return { type: 'JourneySessionPressStarted', data: {} };
    case 'press_prompt_end_response':
      return { type: 'JourneySessionPressEnded', data: {} };
    case 'numeric_prompt_response':
      return answered('JourneySessionNumberAnswered', 'rating', ratingIn(json), latest);
    case 'color_prompt_response':
      return answered('JourneySessionColorAnswered', 'index', indexIn(json), latest);
    case 'word_prompt_response':
      return answered('JourneySessionWordAnswered', 'index', indexIn(json), latest);
    default:
      return undefined;
  }
}

function answered(
  type: string,
  name: 'rating' | 'index',
  value: number | undefined,
  latest: Map<string, number>,
): Said | undefined {
  if (value === undefined) return undefined;
  const previous = latest.get(type) ?? null;
  latest.set(type, value);
  return { type, data: { [name]: value, previous } };
}

const Rating = z.object({ rating: z.int32() });
const Index = z.object({ index: z.int32().nonnegative() });

export function ratingIn(data: string): number | undefined {
  return Rating.safeParse(parsedIn(data)).data?.rating;
}

export function indexIn(data: string): number | undefined {
  return Index.safeParse(parsedIn(data)).data?.index;
}

/** Undefined for what is no JSON. */
function parsedIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
