import fc from 'fast-check';
import { isRefusal } from '../../src/kernel/decision-model.js';
import {
  promptSession,
  type PromptSessionEvent,
  type PromptSessionMoment,
  type PromptSessionWish,
} from '../../src/interactive-prompts/prompt-session.js';
import { at, eventNo, promptNo, sessionNo, user, wordPrompt } from './stays.js';

/** What several people really managed to do in one prompt, whatever they tried, in the order in which it happened. */
export interface CrowdHistory {
  readonly durationSeconds: number;
  readonly events: readonly PromptSessionEvent[];
}

interface Attempt {
  readonly person: number;
  readonly what: 'join' | 'like' | 'leave' | 'expire';
  readonly promptTime: number;
}

/** Among them the durations whose bins are wider than a second, and one where rounding decides about a boundary. */
const durations = fc.constantFrom(1, 2, 3, 8, 10, 15, 60, 132);

const attempts = (durationSeconds: number): fc.Arbitrary<Attempt[]> =>
  fc.array(
    fc.record({
      person: fc.nat(5),
      what: fc.constantFrom('join', 'join', 'like', 'like', 'like', 'leave', 'expire'),
      promptTime: fc.oneof(
        fc.nat(durationSeconds),
        fc.nat(64).map((step) => (step * durationSeconds) / 64),
        fc.double({ min: 0, max: durationSeconds, noNaN: true }),
      ),
    }),
    { maxLength: 80 },
  );

/** Half of them move through the prompt together, and so get much further than those who try things at random times. */
export const crowds: fc.Arbitrary<CrowdHistory> = durations.chain((durationSeconds) =>
  fc.tuple(attempts(durationSeconds), fc.boolean()).map(([tried, isTogether]) => {
    const inOrder = isTogether ? tried.toSorted((one, other) => one.promptTime - other.promptTime) : tried;
    return { durationSeconds, events: historyOf(durationSeconds, inOrder) };
  }),
);

function historyOf(durationSeconds: number, tried: readonly Attempt[]): PromptSessionEvent[] {
  const people = new Map<number, Participant>();
  return tried.flatMap((attempt, n) => {
    const person = people.get(attempt.person) ?? new Participant(attempt.person, durationSeconds);
    people.set(attempt.person, person);
    return person.try(attempt, n);
  });
}

class Participant {
  private state = promptSession.initial;

  constructor(
    private readonly n: number,
    private readonly durationSeconds: number,
  ) {}

  try(attempt: Attempt, n: number): readonly PromptSessionEvent[] {
    const opening = this.state.phase === 'unopened' ? this.carryOut(this.open()) : [];
    return [...opening, ...this.carryOut(this.wishOf(attempt, n))];
  }

  private open(): PromptSessionWish {
    const prompt = wordPrompt(this.durationSeconds);
    return { type: 'OpenSession', sessionUid: sessionNo(this.n), userSub: this.userSub, prompt, at: at(0) };
  }

  private wishOf({ what, promptTime }: Attempt, n: number): PromptSessionWish {
    const eventUid = eventNo(n);
    if (what === 'expire') return { type: 'ExpireSession', eventUid, name: 'Ada', at: at(n) };
    const prompt = wordPrompt(this.durationSeconds);
    const participation = { promptUid: promptNo(1), prompt, userSub: this.userSub, eventUid, promptTime, at: at(n) };
    if (what === 'like') return { type: 'LikePrompt', ...participation };
    return { type: what === 'join' ? 'JoinSession' : 'LeaveSession', ...participation, name: 'Ada' };
  }

  private carryOut(wish: PromptSessionWish): readonly PromptSessionEvent[] {
    const decision = promptSession.decide(wish, this.state);
    if (isRefusal(decision)) return [];
    this.state = decision.reduce(promptSession.evolve, this.state);
    return decision;
  }

  private get userSub() {
    return user(`u${String(this.n)}`);
  }
}

/** Counted by hand, over all events each time. */
export function countUpTo(events: readonly PromptSessionEvent[], isWithin: (moment: PromptSessionMoment) => boolean) {
  const moments = events.filter((event) => event.type !== 'SessionOpened').filter(isWithin);
  const of = (type: PromptSessionMoment['type']): number => moments.filter((moment) => moment.type === type).length;
  return { users: of('SessionJoined') - of('SessionLeft'), likes: of('PromptLiked'), total: moments.length };
}
