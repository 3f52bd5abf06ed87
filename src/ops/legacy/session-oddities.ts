import { wholeSeconds } from '../../journeys/journey-era-upcasts.js';
import type { PromptShape } from '../../interactive-prompts/prompt-content.js';
import { indexIn, ratingIn, shapeOfJourney, type LegacyStay } from './journey-history.js';
import type { LegacyEvent } from './legacy-file.js';
import type { Findings, Oddity } from './oddities.js';

/** What is odd about a session that can be imported all the same. */
export function noteOddities({ session, journey, events }: LegacyStay, findings: Findings): void {
  if (session.sub === null) findings.note('person_missing', session.uid);
  if (events.length === 0) findings.note('session_without_events', session.uid);
  const lobby = { lastsSeconds: wholeSeconds(journey.lobby_duration_seconds), shape: shapeOfJourney(journey) };
  let before: Before = { joined: false, left: false, pressing: false, latest: 0 };
  for (const event of events) {
    for (const oddity of [...oddTimes(event, before, lobby), ...oddSteps(event, before), ...oddAnswers(event, lobby)]) {
      findings.note(oddity, event.uid);
    }
    before = after(event, before);
  }
}

interface Before {
  readonly joined: boolean;
  readonly left: boolean;
  readonly pressing: boolean;
  readonly latest: number;
}

interface Lobby {
  readonly lastsSeconds: number;
  readonly shape: PromptShape | undefined;
}

function after({ evtype, journey_time: time }: LegacyEvent, before: Before): Before {
  return {
    joined: before.joined || evtype === 'join',
    left: before.left || evtype === 'leave',
    pressing: isPress(evtype) ? evtype === 'press_prompt_start_response' : before.pressing,
    latest: Math.max(before.latest, time),
  };
}

function* oddTimes({ journey_time: time }: LegacyEvent, { latest }: Before, lobby: Lobby): Generator<Oddity> {
  if (time > lobby.lastsSeconds) yield 'event_beyond_lobby';
  if (time < latest) yield 'event_out_of_order';
}

function* oddSteps({ evtype }: LegacyEvent, { joined, left, pressing }: Before): Generator<Oddity> {
  if (evtype === 'join') {
    if (joined) yield 'joined_again';
  } else if (!joined) yield 'event_before_join';
  if (left) yield evtype === 'leave' ? 'left_again' : 'event_after_leave';
  else if (evtype === 'leave' && pressing) yield 'press_without_end';
  if (evtype === 'press_prompt_end_response' && !pressing) yield 'press_ended_again';
}

function* oddAnswers(event: LegacyEvent, { shape }: Lobby): Generator<Oddity> {
  if (shape !== undefined && isOutOfPlace(event, shape)) yield 'answer_out_of_place';
}

function isOutOfPlace({ evtype, data }: LegacyEvent, shape: PromptShape): boolean {
  switch (evtype) {
    case 'numeric_prompt_response':
      return isNoRating(ratingIn(data), shape);
    case 'color_prompt_response':
      return isNoChoice(indexIn(data), 'color', shape);
    case 'word_prompt_response':
      return isNoChoice(indexIn(data), 'word', shape);
    default:
      return isPress(evtype) && shape.style !== 'press';
  }
}

function isNoRating(rating: number | undefined, shape: PromptShape): boolean {
  if (rating === undefined) return false;
  return shape.style !== 'numeric' || rating < shape.min || rating > shape.max;
}

function isNoChoice(index: number | undefined, style: 'color' | 'word', shape: PromptShape): boolean {
  if (index === undefined) return false;
  return shape.style !== style || index >= shape.choices;
}

function isPress(evtype: string): boolean {
  return evtype.startsWith('press_prompt_');
}
