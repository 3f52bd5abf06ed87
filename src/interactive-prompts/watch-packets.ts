import { z } from 'zod';
import type { PromptUid } from '../kernel/ids.js';
import type { Moment } from './prompt-session-moments.js';
import type { Watched } from './watch-item.js';
import type { Batch } from './watch-room.js';

/**
 * The packets of the live watch. Clients of the journey era say other names for the same things, so the names are data.
 */
export interface WatchNames {
  readonly subjectUid: 'interactive_prompt_uid' | 'journey_uid';
  readonly time: 'prompt_time' | 'journey_time';
  readonly expectedTime: 'expected_receive_prompt_time' | 'expected_receive_journey_time';
}

export const promptNames: WatchNames = {
  subjectUid: 'interactive_prompt_uid',
  time: 'prompt_time',
  expectedTime: 'expected_receive_prompt_time',
};

export const journeyNames: WatchNames = {
  subjectUid: 'journey_uid',
  time: 'journey_time',
  expectedTime: 'expected_receive_journey_time',
};

/** What the client says first. `stats` and `resume_from` are additions; whoever leaves them out gets the stream of old. */
const Authorize = z.object({
  jwt: z.string().min(2),
  bandwidth: z.int().min(1).max(5_000).describe('Events a second'),
  lookback: z.number().min(0).max(10).describe('Seconds'),
  lookahead: z.number().min(0).max(10).describe('Seconds'),
  stats: z.boolean().default(false),
  resume_from: z
    .union([z.string().regex(/^\d{1,15}$/), z.int().nonnegative()])
    .transform(Number)
    .optional(),
});
const subjectUid = z.string().min(1).max(255);
const authorizePackets = {
  interactive_prompt_uid: z.object({
    type: z.literal('authorize'),
    data: Authorize.extend({ interactive_prompt_uid: subjectUid }).transform(
      ({ interactive_prompt_uid: subject, ...rest }) => ({ subject, ...rest }),
    ),
  }),
  journey_uid: z.object({
    type: z.literal('authorize'),
    data: Authorize.extend({ journey_uid: subjectUid }).transform(({ journey_uid: subject, ...rest }) => ({
      subject,
      ...rest,
    })),
  }),
};
export type Authorize = z.output<typeof Authorize> & { readonly subject: string };

/**
 * No clock that shows a prompt is further from its beginning. Beyond that, seconds are too large to be told to the microsecond,
 * and whoever counts down from so far away would never be over.
 */
const clockSecondsMax = 1_000_000;
const PromptClock = z.number().min(-clockSecondsMax).max(clockSecondsMax);

/** The client's prompt times when it got the question and when it sent the answer; before the beginning they are negative. */
const SyncResponse = z.object({
  type: z.literal('sync_response'),
  data: z
    .object({ receive_timestamp: PromptClock, transmit_timestamp: PromptClock })
    .refine((sync) => sync.transmit_timestamp >= sync.receive_timestamp, {
      path: ['transmit_timestamp'],
      error: 'must not be before receive_timestamp',
    }),
});
export type SyncResponse = z.output<typeof SyncResponse>['data'];

export type Read<Data> =
  { readonly data: Data } | { readonly wrong: string; /** Not even a JSON object. */ readonly garbage: boolean };

export function readAuthorize(text: string, names: WatchNames): Read<Authorize> {
  return read(authorizePackets[names.subjectUid], text);
}

export function readSyncResponse(text: string): Read<SyncResponse> {
  return read(SyncResponse, text);
}

function read<Data>(schema: z.ZodType<{ readonly data: Data }>, text: string): Read<Data> {
  const object = objectIn(text);
  if (object === undefined) return { wrong: 'A packet is a JSON object with a type and data.', garbage: true };
  const parsed = schema.safeParse(object);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `/${path.join('/')} ${message}`);
  return { wrong: problems.join('; '), garbage: false };
}

function objectIn(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What the server says. `uid` names this very packet, for whoever looks for a mistake. */
const packet = (uid: string, type: string, data: string): string =>
  `{"success":true,"type":"${type}","uid":"${uid}","data":${data}}`;

export function syncRequestPacket(uid: string): string {
  return packet(uid, 'sync_request', '{}');
}

/** Positions are text, as everywhere: they may have more digits than a double. */
export function authResponsePacket(uid: string, position: number): string {
  return packet(uid, 'auth_response', `{"position":"${String(position)}"}`);
}

export function errorPacket(uid: string, error: { code: number; type: string; message: string }): string {
  return JSON.stringify({ success: false, type: 'error', uid, data: error });
}

export function latencyPacket(uid: string, names: WatchNames, at: { time: number; position: number }): string {
  const data = `{"${names.expectedTime}":${String(at.time)},"position":"${String(at.position)}"}`;
  return packet(uid, 'latency_detection', data);
}

export function batchPacket(uid: string, { items, dropped, position }: Batch): string {
  const events = items.join(',');
  return packet(
    uid,
    'event_batch',
    `{"events":[${events}],"dropped":${String(dropped)},"position":"${String(position)}"}`,
  );
}

/** The same content as a read of the statistics has, for the bin that the client is in and the next one. */
export function statsPacket(uid: string, bins: readonly object[]): string {
  return packet(uid, 'stats', JSON.stringify({ bins }));
}

export interface Icon {
  readonly uid: string;
  readonly jwt: string;
}

export interface ItemParts {
  readonly moment: Moment;
  readonly watched: Watched;
  readonly position: number;
  readonly icon: Icon | null;
  readonly erased: boolean;
}

export function itemJson(names: WatchNames, { moment, watched, position, icon, erased }: ItemParts): string {
  return JSON.stringify({
    uid: moment.eventUid,
    user_sub: erased ? null : moment.userSub,
    session_uid: moment.sessionUid,
    evtype: watched.evtype,
    [names.time]: moment.promptTime,
    icon,
    data: watched.data,
    position: String(position),
  });
}

interface AnnouncementParts extends Omit<ItemParts, 'icon' | 'erased'> {
  readonly imageUid: string | null;
}

/** What listeners on the prompt's channel are told. `icon` is the image alone: a token would let every listener see it. */
export function announcement({ moment, watched, position, imageUid }: AnnouncementParts): string {
  return JSON.stringify({
    uid: moment.eventUid,
    user_sub: moment.userSub,
    session_uid: moment.sessionUid,
    evtype: watched.evtype,
    data: watched.data,
    icon: imageUid,
    prompt_time: moment.promptTime,
    created_at: moment.createdAt,
    position: String(position),
  });
}

export const eventsChannel = (promptUid: PromptUid | '*'): string => `ps:interactive_prompts:${promptUid}:events`;
