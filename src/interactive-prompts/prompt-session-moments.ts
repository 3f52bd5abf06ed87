import { z } from 'zod';
import { event, type EventOf } from '../kernel/event-family.js';
import { JourneyUid, PromptEventUid, PromptSessionUid, PromptUid, UserSub } from '../kernel/ids.js';
import { UnixSeconds } from '../kernel/instant.js';
import { DurationSeconds } from './prompt-content.js';

/**
 * What the events of a stay have in common: each says which stay it belongs to, and a moment also where on the timeline, so
 * that no reader has to look elsewhere.
 */
export const stay = { promptUid: PromptUid, sessionUid: PromptSessionUid, userSub: UserSub };

export const moment = {
  ...stay,
  eventUid: PromptEventUid,
  /** Seconds since this person entered the prompt, as their client counts them. */
  promptTime: z.number().nonnegative(),
  durationSeconds: DurationSeconds,
  createdAt: UnixSeconds,
};

export type Moment = z.output<z.ZodObject<typeof moment>>;

/** How somebody came to the prompt. Whoever counts visits by subject finds the subject as it was then. */
export const SessionOrigin = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('direct') }),
  z.object({
    kind: z.literal('journey'),
    journeyUid: JourneyUid,
    subcategory: z.object({ internalName: z.string(), externalName: z.string() }),
  }),
  z.object({ kind: z.literal('public'), identifier: z.string() }),
]);
export type SessionOrigin = z.infer<typeof SessionOrigin>;

const previous = z.int32().nullable().describe('What the session answered before');

/** Answers to what the prompt asks. Stored for ever under these names. */
export const answerEvents = {
  NumberAnswered: event(z.object({ ...moment, rating: z.int32(), previous })),
  ColorAnswered: event(z.object({ ...moment, index: z.int32().nonnegative(), previous })),
  WordAnswered: event(z.object({ ...moment, index: z.int32().nonnegative(), previous })),
  PressStarted: event(z.object(moment)),
  PressEnded: event(z.object(moment)),
};

export type AnswerEvent = EventOf<typeof answerEvents>;
