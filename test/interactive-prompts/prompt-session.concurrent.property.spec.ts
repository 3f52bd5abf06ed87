import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { binsOf } from '../../projections/interactive-prompts/bins.js';
import {
  promptSession,
  promptSessionEvents,
  type PromptSessionEvent,
} from '../../src/interactive-prompts/prompt-session.js';
import type { PromptSessionWish } from '../../src/interactive-prompts/prompt-session-wishes.js';
import { Decider } from '../../src/platform/deciding/decider.js';
import { CommandRefused } from '../../src/platform/deciding/refusals.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import type { Append, Appended, StreamRange, StreamSlice } from '../../src/platform/event-store/event-store.js';
import { InMemoryEventStore } from '../../src/platform/event-store/in-memory.event-store.js';
import { crowdByHand, isMoment } from './crowds.js';
import {
  at,
  direct,
  eventNo,
  expire,
  join,
  leave,
  like,
  pressing,
  promptAsking,
  releaseNo,
  sessionNo,
  threeWords,
  user,
} from './stays.js';

/** A log whose every step waits until it is chosen among all that wait. */
class ChosenStore extends InMemoryEventStore {
  constructor(private readonly scheduler: fc.Scheduler) {
    super(new EventCodec([promptSessionEvents]));
  }

  override async append(append: Append): Promise<Appended> {
    await this.scheduler.schedule(Promise.resolve(), 'append');
    return super.append(append);
  }

  override async readStream(stream: string, range?: StreamRange): Promise<StreamSlice> {
    await this.scheduler.schedule(Promise.resolve(), 'read');
    return super.readStream(stream, range);
  }
}

const contents = fc.constantFrom(pressing, threeWords);
interface Asked {
  readonly wish: PromptSessionWish;
  readonly process: 0 | 1;
}
interface Outcome {
  readonly wish: PromptSessionWish;
  readonly events: readonly PromptSessionEvent[];
  readonly refused?: string;
}

/** Few times, and commands that get in each other’s way: most of them make another one impossible. */
const attempts = fc.array(
  fc.record({
    what: fc.constantFrom('join', 'join', 'like', 'press', 'release', 'word', 'leave', 'expire', 'handover', 'erase'),
    promptTime: fc.constantFrom(0, 1, 1, 2, 15),
    choice: fc.nat(2),
    process: fc.constantFrom(0 as const, 1 as const),
  }),
  { minLength: 2, maxLength: 9 },
);
type Attempt = typeof attempts extends fc.Arbitrary<(infer One)[]> ? One : never;

function wishOf({ what, promptTime, choice }: Attempt, n: number, prompt: ReturnType<typeof promptAsking>) {
  const own = { prompt, promptUid: prompt.promptUid };
  const { type: _, ...participation } = like(promptTime, n);
  switch (what) {
    case 'join':
      return { ...join(promptTime, n), ...own };
    case 'like':
      return { ...like(promptTime, n), ...own };
    case 'leave':
      return { ...leave(promptTime, n), ...own };
    case 'press':
      return { type: 'StartPress', ...participation, ...own } as const;
    case 'release':
      return { type: 'EndPress', ...participation, ...own } as const;
    case 'word':
      return { type: 'AnswerWord', index: choice, ...participation, ...own } as const;
    case 'expire':
      return expire(30, n);
    case 'handover':
      return { type: 'ChangeOwner', from: user('u1'), to: user('u2'), at: at(n) } as const;
    case 'erase':
      return {
        type: 'EraseSession',
        userSub: user('u1'),
        eventUid: eventNo(n),
        releaseUid: releaseNo(n),
        at: at(n),
      } as const;
  }
}

/** What both processes were asked for at once, each time in another order of their steps. */
async function together(scheduler: fc.Scheduler, asked: readonly Asked[], open: PromptSessionWish) {
  const store = new ChosenStore(scheduler);
  const limits = { statesMax: 10, waitingMax: 20, attemptsMax: 20 };
  const silent = { commandDone: () => undefined };
  const processes = [0, 1].map(() => new Decider(promptSession, store, silent, limits));
  const carryOut = async ({ wish, process }: Asked): Promise<Outcome> => {
    try {
      const { events } = await processes[process]!.carryOut(sessionNo(1), wish, { correlationId: 'test' });
      return { wish, events: events.map(({ event }) => event as PromptSessionEvent) };
    } catch (error) {
      if (error instanceof CommandRefused) return { wish, events: [], refused: error.reason };
      throw error;
    }
  };
  const opening = await scheduler.waitFor(carryOut({ wish: open, process: 0 }));
  const rest = await scheduler.waitFor(Promise.all(asked.map(carryOut)));
  const { events } = await scheduler.waitFor(store.readStream(`promptSession-${sessionNo(1)}`));
  return { outcomes: [opening, ...rest], history: events.map(({ event }) => event as PromptSessionEvent) };
}

describe('a session of which two processes are asked several things at once, in whatever order they come through', () => {
  const property = fc.asyncProperty(fc.scheduler(), contents, attempts, async (scheduler, content, tried) => {
    const prompt = promptAsking(content);
    const { userSub, sessionUid } = { userSub: user('u1'), sessionUid: sessionNo(1) };
    const open = { type: 'OpenSession', sessionUid, userSub, prompt, origin: direct, at: at(0) } as const;
    const asked = tried.map((attempt, n) => ({ wish: wishOf(attempt, n + 1, prompt), process: attempt.process }));
    const { outcomes, history } = await together(scheduler, asked, open);

    // What was answered is what is in the log, and nothing else is.
    const texts = history.map((event) => JSON.stringify(event));
    const placeOf = ({ events }: Outcome): number => texts.indexOf(JSON.stringify(events[0]));
    const answered = outcomes.filter(({ events }) => events.length > 0);
    const inOrder = answered.toSorted((one, other) => placeOf(one) - placeOf(other));
    expect(inOrder.flatMap(({ events }) => events)).toEqual(history);

    // It is what somebody had got who asked for one after the other, in the order of the log.
    const states = [promptSession.initial];
    for (const { wish, events } of inOrder) {
      const state = states.at(-1)!;
      expect(promptSession.decide(wish, state)).toEqual(events);
      states.push(events.reduce(promptSession.evolve, state));
    }
    // And whoever was refused would have been, with the same words, at one of its moments.
    for (const { wish, refused } of outcomes.filter((outcome) => outcome.refused !== undefined))
      expect(states.map((state) => promptSession.decide(wish, state))).toContainEqual({ refused });

    const moments = history.filter(isMoment);
    const words = moments.map(({ type }) => type).join(' ');
    expect(words).toMatch(/^(SessionJoined( (PromptLiked|WordAnswered|PressStarted|PressEnded))*( SessionLeft)?)?$/);
    const times = moments.map(({ promptTime }) => promptTime);
    expect(times).toEqual([...times].sort((one, other) => one - other));
    expect(history.filter(({ type }) => type === 'SessionOwnerChanged').length).toBeLessThanOrEqual(1);
    for (let bin = 0; bin < binsOf(15); bin += 1) {
      const { users, likes, press, pressActive, wordActive } = crowdByHand(
        { durationSeconds: 15, content, events: history },
        bin,
      );
      for (const value of [users, pressActive ?? 0, ...(wordActive ?? [])]) expect([0, 1]).toContain(value);
      expect(Math.min(likes, press ?? 0)).toBeGreaterThanOrEqual(0);
    }
  });

  test('keeps every rule, and gives answers that could have come one after the other', () =>
    fc.assert(property, { numRuns: 200 }));
});
