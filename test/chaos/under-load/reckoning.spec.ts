import { describe, expect, test } from '@jest/globals';
import type { Told } from './caller.js';
import {
  acknowledgedButLost,
  carriedOutTwice,
  mismatchesOnceCaughtUp,
  positionGaps,
  stillRunning,
  type Logged,
} from './reckoning.js';

/** A reckoning that finds nothing must be one that would have found something. */
const joined: Logged = {
  position: 1n,
  stream: 'promptSession-s1',
  version: 2,
  type: 'SessionJoined',
  data: { promptUid: 'p1', sessionUid: 's1', eventUid: 'e1', promptTime: 0, durationSeconds: 3 },
  metadata: { commandId: 'c1', actor: 'ann' },
};
const liked: Logged = {
  ...joined,
  position: 2n,
  version: 3,
  type: 'PromptLiked',
  data: { ...joined.data, eventUid: 'e2', promptTime: 1.5 },
  metadata: { commandId: 'c2', actor: 'ann' },
};
const toldOfLike: Told = {
  route: 'interactive_prompts/events/like',
  actor: 'ann',
  sentAt: 0,
  answeredAt: 1,
  attempts: 1,
  status: 201,
  position: 2n,
  body: { uid: 'e2', session_uid: 's1', prompt_time: 1.5 },
};
const log = [joined, liked];

describe('reckoning what was acknowledged', () => {
  test('finds nothing where the log says what callers were told', () => {
    expect(acknowledgedButLost(log, [toldOfLike])).toEqual([]);
  });

  test.each([
    ['the event is missing', [joined]],
    ['another event is there', [joined, { ...joined, position: 2n }]],
    ['the event says something else', [joined, { ...liked, data: { ...liked.data, promptTime: 2 } }]],
  ])('finds a loss where %s', (_, found) => {
    expect(acknowledgedButLost(found, [toldOfLike])).toHaveLength(1);
  });

  test('finds a loss where something that is possible was refused', () => {
    expect(acknowledgedButLost(log, [{ ...toldOfLike, status: 409 }])).toHaveLength(1);
  });
});

describe('reckoning what was done twice', () => {
  test('finds nothing where each command is there once', () => {
    expect(carriedOutTwice(log, [toldOfLike])).toEqual([]);
  });

  test('finds one command carried out twice', () => {
    const again = { ...liked, position: 3n, data: { ...liked.data, eventUid: 'e3', promptTime: 1.7 } };
    expect(carriedOutTwice([...log, again], [toldOfLike])).toEqual(['c2']);
  });

  test('finds one wish carried out as two commands', () => {
    const again = { ...liked, position: 3n, data: { ...liked.data, eventUid: 'e3' }, metadata: { commandId: 'c3' } };
    expect(carriedOutTwice([...log, again], [toldOfLike])).toEqual(['PromptLiked of s1 at 1.5']);
  });
});

describe('reckoning the log', () => {
  test('counts positions that are missing', () => {
    expect(positionGaps(log)).toBe(0);
    expect(positionGaps([joined, { ...liked, position: 4n }])).toBe(2);
  });

  test('names sessions that nobody ended', () => {
    expect(stillRunning(log, new Set(['s1']))).toEqual(['s1']);
    expect(stillRunning([...log, { ...joined, type: 'SessionLeft' }], new Set(['s1']))).toEqual([]);
  });
});

describe('reckoning read models', () => {
  const counts = [0, 1].map((bucket) => ({ prompt_uid: 'p1', bucket, total: 1 }));
  // Three bins of a second each: nodes 0 and 2 hold bins of their own, node 1 holds the first two.
  const sums = [
    ...[0, 1].map((node) => ({ prompt_uid: 'p1', node, category: 'users', value: 0, total: 1 })),
    { prompt_uid: 'p1', node: 1, category: 'likes', value: 0, total: 1 },
  ];
  const over = AbortSignal.timeout(60_000);
  const prompts = [{ uid: 'p1', durationSeconds: 3 }];
  const reading = (tables: { counts: unknown[]; sums: unknown[] }) => ({
    ask: (text: string) => Promise.resolve(text.includes('event_counts') ? tables.counts : tables.sums),
  });
  const mismatches = (tables: { counts: unknown[]; sums: unknown[] }) =>
    mismatchesOnceCaughtUp(reading(tables), log, prompts, { signal: over, patienceMs: 0 });

  test('finds nothing where they say what a recount says', async () => {
    expect(await mismatches({ counts, sums })).toEqual([]);
  });

  test('finds a count that is one too high, and one that is missing', async () => {
    const wrong = [{ prompt_uid: 'p1', bucket: 0, total: 2 }];
    expect(await mismatches({ counts: wrong, sums })).toHaveLength(2);
  });

  test('finds a sum that is wrong at one node', async () => {
    expect(await mismatches({ counts, sums: sums.slice(1) })).toHaveLength(1);
  });
});
