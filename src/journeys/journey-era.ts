import { z } from 'zod';
import { SearchRequest } from '../interactive-prompts/event-search-request.js';

/**
 * How clients of the journey era speak: a journey stands for the prompt that it asks, prompt times are journey times, and
 * sessions have another prefix. Behind the words are the same streams.
 */

const formerPrefix = /^oseh_js_/;

/** Sessions of the journey era live on under the same id with another prefix. */
export function sessionUidOf(given: string): string {
  return given.replace(formerPrefix, 'oseh_ips_');
}

/** An id that is merely malformed is that of nothing, and gets the answer that unknown ids get, in its turn. */
const id = z.string().max(255);

export const eventWith = <Data extends z.ZodType>(data: Data) =>
  z.object({
    journey_uid: id,
    journey_jwt: z.string().describe('Bare, without `bearer `'),
    session_uid: id.describe('Also with the prefix `oseh_js_` of earlier systems'),
    journey_time: z.number().describe('Seconds since this person entered the prompt of the journey'),
    data,
  });

const wordsOfToday: ReadonlyMap<string, string> = new Map([
  ['journey_uid', 'interactive_prompt_uid'],
  ['journey_time', 'prompt_time'],
]);
const formerWords: ReadonlyMap<string, string> = new Map([...wordsOfToday].map(([former, today]) => [today, former]));

const Parts = z.record(z.string(), z.unknown());

/** A search in the words of the journey era, read into today's. What is wrong with it is said in its own words. */
export const FormerSearchRequest = z
  .object({
    filters: Parts.default({}).describe('As for interactive prompts, with `journey_uid` and `journey_time`'),
    sort: z.array(Parts).default([]).describe('As for interactive prompts, with `journey_time`'),
    limit: z.int().min(1).max(5_000).default(100),
  })
  .superRefine(({ filters }, context) => {
    for (const word of Object.keys(filters)) {
      const former = formerWords.get(word);
      if (former === undefined) continue;
      context.addIssue({ code: 'custom', path: ['filters', word], message: `is called ${former} here` });
    }
  })
  .transform(({ filters, sort, limit }, context): SearchRequest => {
    const read = SearchRequest.safeParse({
      filters: Object.fromEntries(Object.entries(filters).map(filterOfToday)),
      sort: sort.map((one) => ({ ...one, key: typeof one['key'] === 'string' ? ofToday(one['key']) : one['key'] })),
      limit,
    });
    if (read.success) return read.data;
    for (const { path, message } of read.error.issues) {
      const asNamed = path.map((step) => (typeof step === 'string' ? (formerWords.get(step) ?? step) : step));
      context.addIssue({ code: 'custom', path: asNamed, message: inFormerWords(message) });
    }
    return z.NEVER;
  });

function inFormerWords(message: string): string {
  return [...formerWords].reduce((text, [today, former]) => text.replaceAll(today, former), message);
}

function filterOfToday([name, filter]: readonly [string, unknown]): readonly [string, unknown] {
  return [ofToday(name), name === 'session_uid' ? withSessionsOfToday(filter) : filter];
}

const SessionFilter = z.looseObject({ value: z.union([z.string(), z.array(z.string())]) });

function withSessionsOfToday(filter: unknown): unknown {
  const read = SessionFilter.safeParse(filter);
  if (!read.success) return filter;
  const { value } = read.data;
  return { ...read.data, value: typeof value === 'string' ? sessionUidOf(value) : value.map(sessionUidOf) };
}

function ofToday(word: string): string {
  return wordsOfToday.get(word) ?? word;
}
