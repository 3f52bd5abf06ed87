import fc from 'fast-check';
import { isRefusal } from '../../src/kernel/decision-model.js';
import { type PromptContent, type PromptShape, shapeOf } from '../../src/interactive-prompts/prompt-content.js';
import type { Prompt } from '../../src/interactive-prompts/prompt.js';
import {
  promptSession,
  type PromptSessionEvent,
  type PromptSessionMoment,
} from '../../src/interactive-prompts/prompt-session.js';
import type { PromptSessionWish } from '../../src/interactive-prompts/prompt-session-wishes.js';
import { binOf } from '../../projections/interactive-prompts/bins.js';
import type { Crowd } from '../../projections/interactive-prompts/crowd.js';
import { at, direct, eventNo, promptNo, releaseNo, sessionNo, threeWords, user } from './stays.js';

/** What several people really managed to do in one prompt, whatever they tried, in the order in which it happened. */
export interface CrowdHistory {
  readonly durationSeconds: number;
  readonly content: PromptContent;
  readonly events: readonly PromptSessionEvent[];
}

/** Two sessions of each of three people. */
const sessionsMax = 5;
const peopleMax = 3;

interface Attempt {
  readonly session: number;
  readonly what: 'join' | 'like' | 'answer' | 'press' | 'leave' | 'expire' | 'handover';
  readonly choice: number;
  readonly promptTime: number;
}

/** Among them the durations whose bins are wider than a second, and one where rounding decides about a boundary. */
const durations = fc.constantFrom(1, 2, 3, 8, 10, 15, 60, 132);

const contents = fc.constantFrom<PromptContent>(
  threeWords,
  { style: 'press', text: 'Press!' },
  { style: 'numeric', text: 'How much?', min: -1, max: 2, step: 1 },
  { style: 'color', text: 'Which?', colors: ['#000000', '#FFFFFF', '#FF0000'] },
);

const attempts = (durationSeconds: number): fc.Arbitrary<Attempt[]> =>
  fc.array(
    fc.record({
      session: fc.nat(sessionsMax),
      what: fc.constantFrom(
        'join',
        'join',
        'like',
        'answer',
        'answer',
        'press',
        'press',
        'leave',
        'expire',
        'handover',
      ),
      choice: fc.nat(2),
      promptTime: fc.oneof(
        fc.nat(durationSeconds),
        fc.nat(64).map((step) => (step * durationSeconds) / 64),
        fc.double({ min: 0, max: durationSeconds, noNaN: true }),
      ),
    }),
    { maxLength: 80 },
  );

/** Half of them move through the prompt together, and so get much further than those who try things at random times. */
export const crowds: fc.Arbitrary<CrowdHistory> = fc.tuple(durations, contents).chain(([durationSeconds, content]) =>
  fc.tuple(attempts(durationSeconds), fc.boolean()).map(([tried, isTogether]) => {
    const inOrder = isTogether ? tried.toSorted((one, other) => one.promptTime - other.promptTime) : tried;
    const prompt = { phase: 'usable', promptUid: promptNo(1), content, durationSeconds } as const;
    return { durationSeconds, content, events: historyOf(prompt, inOrder) };
  }),
);

type Usable = Exclude<Prompt, { readonly phase: 'missing' }>;

function historyOf(prompt: Usable, tried: readonly Attempt[]): PromptSessionEvent[] {
  const sessions = new Map<number, Participant>();
  return tried.flatMap((attempt, n) => {
    const session = sessions.get(attempt.session) ?? new Participant(attempt.session, prompt);
    sessions.set(attempt.session, session);
    return session.try(attempt, n);
  });
}

class Participant {
  private state = promptSession.initial;
  private person: number;

  constructor(
    private readonly n: number,
    private readonly prompt: Usable,
  ) {
    this.person = n % peopleMax;
  }

  try(attempt: Attempt, n: number): readonly PromptSessionEvent[] {
    const opening = this.state.phase === 'unopened' ? this.carryOut(this.open()) : [];
    return [...opening, ...this.carryOut(this.wishOf(attempt, n))];
  }

  private open(): PromptSessionWish {
    const { prompt, userSub } = this;
    return { type: 'OpenSession', sessionUid: sessionNo(this.n), userSub, prompt, origin: direct, at: at(0) };
  }

  private wishOf({ what, choice, promptTime }: Attempt, n: number): PromptSessionWish {
    const { prompt, userSub } = this;
    const eventUid = eventNo(n);
    const participation = { promptUid: prompt.promptUid, prompt, userSub, eventUid, promptTime, at: at(n) };
    switch (what) {
      case 'join':
        return { type: 'JoinSession', ...participation, name: 'Ada' };
      case 'like':
        return { type: 'LikePrompt', ...participation };
      case 'answer': {
        const { style } = prompt.content;
        if (style === 'numeric') return { type: 'AnswerNumber', ...participation, rating: choice - 1 };
        return { type: style === 'color' ? 'AnswerColor' : 'AnswerWord', ...participation, index: choice };
      }
      case 'press':
        return { type: choice === 0 ? 'EndPress' : 'StartPress', ...participation };
      case 'leave':
        return { type: 'LeaveSession', ...participation, releaseUid: releaseNo(n), name: 'Ada' };
      case 'expire':
        return { type: 'ExpireSession', eventUid, releaseUid: releaseNo(n), name: 'Ada', at: at(n) };
      case 'handover':
        this.person = (this.person + 1) % peopleMax;
        return { type: 'ChangeOwner', from: userSub, to: this.userSub, at: at(n) };
    }
  }

  private carryOut(wish: PromptSessionWish): readonly PromptSessionEvent[] {
    const decision = promptSession.decide(wish, this.state);
    if (isRefusal(decision)) return [];
    this.state = decision.reduce(promptSession.evolve, this.state);
    return decision;
  }

  private get userSub() {
    return user(`u${String(this.person)}`);
  }
}

export function isMoment(event: PromptSessionEvent): event is PromptSessionMoment {
  return 'promptTime' in event;
}

/** The crowd at a bin, counted by hand: session by session, over all events each time. */
export function crowdByHand({ durationSeconds, content, events }: CrowdHistory, bin: number): Crowd {
  const sessions = new Set(events.map(({ sessionUid }) => sessionUid));
  const seen = [...sessions].map((uid) => {
    const own = events.filter(({ sessionUid }) => sessionUid === uid);
    const until = own.filter(isMoment).filter(({ promptTime }) => binOf(promptTime, durationSeconds) <= bin);
    return { owner: ownerOf(own), moments: until, isThere: isThere(until) };
  });
  const moments = seen.flatMap((session) => session.moments);
  const counted = (type: PromptSessionMoment['type']): number => moments.filter((one) => one.type === type).length;
  const latest = seen.map((session) => session.moments.map(answerIn).findLast((answer) => answer !== undefined));
  const active = (answer: number): number => latest.filter((one) => one === answer).length;
  return {
    users: seen.filter((session) => session.isThere).length,
    people: new Set(seen.filter((session) => session.isThere).map(({ owner }) => owner)).size,
    likes: counted('PromptLiked'),
    ...answersByHand(shapeOf(content), active),
    ...(content.style === 'press'
      ? { press: counted('PressStarted'), pressActive: counted('PressStarted') - counted('PressEnded') }
      : { press: null, pressActive: null }),
  };
}

function answersByHand(shape: PromptShape, active: (answer: number) => number) {
  const none = { numericActive: null, colorActive: null, wordActive: null };
  switch (shape.style) {
    case 'numeric':
      return { ...none, numericActive: { '-1': active(-1), '0': active(0), '1': active(1), '2': active(2) } };
    case 'press':
      return none;
    case 'color':
      return { ...none, colorActive: [active(0), active(1), active(2)] };
    case 'word':
      return { ...none, wordActive: [active(0), active(1), active(2)] };
  }
}

function ownerOf(own: readonly PromptSessionEvent[]): string | undefined {
  const last = own.at(-1);
  return last?.type === 'SessionOwnerChanged' ? last.newOwner : last?.userSub;
}

function isThere(moments: readonly PromptSessionMoment[]): boolean {
  return moments.some(({ type }) => type === 'SessionJoined') && !moments.some(({ type }) => type === 'SessionLeft');
}

function answerIn(moment: PromptSessionMoment): number | undefined {
  if (moment.type === 'NumberAnswered') return moment.rating;
  return moment.type === 'ColorAnswered' || moment.type === 'WordAnswered' ? moment.index : undefined;
}
