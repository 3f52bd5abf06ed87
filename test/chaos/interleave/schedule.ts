import { Dice } from './dice.js';
import type { History } from './judge.js';
import { ModelDatabase, type Released } from './model-database.js';
import { ModelSession } from './model-transaction.js';
import { carryOut, own, type Protocol } from './protocol.js';
import { done, type Answer, type Statement, type Steps } from './statement.js';

/**
 * One schedule: three writers and two owners of a read model take turns, statement by statement, as a seed wills it. Some are
 * slow, some crash in the middle and come back, and the second owner takes over while the first believes to be the only one.
 * At the end one more owner reads whatever is left.
 */
export interface Schedule {
  readonly seed: number;
  readonly turns: readonly Turn[];
  readonly history: History;
  /** False when PostgreSQL may rightly let somebody else go first than the model did. */
  readonly repeatable: boolean;
}

export interface Turn {
  readonly actor: string;
  readonly did: Statement | 'crash';
  readonly answer: Answer | 'waits';
  readonly released: readonly { readonly actor: string; readonly answer: Answer }[];
}

const crashesMax = 2;
const turnsMax = 5_000;

export function runSchedule(protocol: Protocol, seed: number): Schedule {
  return new Scheduler(protocol, seed).run();
}

class Scheduler {
  readonly #dice: Dice;
  readonly #database: ModelDatabase;
  readonly #turns: Turn[] = [];
  readonly #acknowledged = new Set<string>();
  readonly #actors: Actor[];
  #crashes = 0;

  constructor(
    private readonly protocol: Protocol,
    private readonly seed: number,
  ) {
    this.#dice = new Dice(seed);
    this.#database = new ModelDatabase(protocol.unique);
    const writers = ['w1', 'w2', 'w3'].map((name) => this.#writer(name));
    const owners = ['o1', 'o2'].map((name) => this.#owner(name));
    this.#actors = [...writers, ...owners];
  }

  run(): Schedule {
    this.#takeTurns();
    // Nobody else is left; whatever the read model still lacks now, it would lack for ever.
    const last = new Actor('last', 1, () => own(this.protocol, { batches: 200, limit: 3, untilQuiet: true }));
    this.#actors.push(last);
    this.#crashes = crashesMax;
    this.#takeTurns();
    const history = {
      log: this.#database.log(),
      applied: this.#database.applied(),
      acknowledged: this.#acknowledged,
      stuck: this.#actors.some(({ finished }) => !finished),
    };
    return { seed: this.seed, turns: this.#turns, history, repeatable: !this.#database.racy };
  }

  #takeTurns(): void {
    while (this.#turns.length < turnsMax) {
      const ready = this.#actors.filter((actor) => actor.pending !== undefined && !actor.waiting);
      if (ready.length === 0) return;
      if (this.#crashes < crashesMax && this.#dice.oneIn(60)) this.#crash(this.#dice.pick(this.#actors));
      else this.#advance(this.#pickByPace(ready));
      if (this.#dice.oneIn(40)) this.#dice.pick(this.#actors).pace = this.#pace();
    }
  }

  #advance(actor: Actor): void {
    const statement = actor.pending;
    if (statement === undefined) return;
    if (statement.do === 'acknowledge') {
      this.#acknowledged.add(statement.command);
      this.#record(actor, statement, done, []);
      actor.resume(done);
      return;
    }
    const { answer, released } = this.#database.execute(actor.session, statement);
    this.#record(actor, statement, answer, released);
    if (answer === 'waits') actor.waiting = true;
    else actor.resume(answer);
    this.#resume(released);
  }

  #crash(actor: Actor): void {
    if (actor.finished) return;
    this.#crashes += 1;
    const released = this.#database.crash(actor.session);
    this.#record(actor, 'crash', done, released);
    actor.restart();
    this.#resume(released);
  }

  #record(actor: Actor, did: Statement | 'crash', answer: Answer | 'waits', released: readonly Released[]): void {
    const freed = released.map((each) => ({ actor: this.#actorOf(each.session).name, answer: each.answer }));
    this.#turns.push({ actor: actor.name, did, answer, released: freed });
  }

  #resume(released: readonly Released[]): void {
    for (const { session, answer } of released) {
      const actor = this.#actorOf(session);
      actor.waiting = false;
      actor.resume(answer);
    }
  }

  #actorOf(session: ModelSession): Actor {
    const actor = this.#actors.find((candidate) => candidate.session === session);
    if (actor === undefined) throw new Error('A session of nobody.');
    return actor;
  }

  #pickByPace(ready: readonly Actor[]): Actor {
    let left = this.#dice.next() * ready.reduce((sum, { pace }) => sum + pace, 0);
    return ready.find(({ pace }) => (left -= pace) < 0) ?? this.#dice.pick(ready);
  }

  /** Most are quick; some all but stand still for a while, which is what it takes to be overtaken. */
  #pace(): number {
    return this.#dice.pick([1, 1, 1, 0.1, 0.01]);
  }

  #writer(name: string): Actor {
    const wishes = [1, 2].map((nth) => ({
      command: `${name}.${String(nth)}`,
      stream: this.#dice.pick(['s1', 's2']),
      events: 1 + this.#dice.below(2),
    }));
    let attempts = 0;
    // Whoever crashed before hearing an answer sends the same command again, with new event ids.
    const carryOutAll = function* (this: Scheduler): Steps {
      for (const { command, stream, events } of wishes) {
        if (this.#acknowledged.has(command)) continue;
        attempts += 1;
        const uids = Array.from({ length: events }, (_, nth) => `${command}.${String(attempts)}.${String(nth)}`);
        yield* carryOut(this.protocol, { command, stream, uids });
      }
    };
    return new Actor(name, this.#pace(), () => carryOutAll.call(this));
  }

  #owner(name: string): Actor {
    const bounds = { batches: 4 + this.#dice.below(8), limit: 1 + this.#dice.below(3), untilQuiet: false };
    return new Actor(name, this.#pace(), () => own(this.protocol, bounds));
  }
}

class Actor {
  session = new ModelSession();
  pending: Statement | undefined;
  waiting = false;
  #steps: Steps;

  constructor(
    readonly name: string,
    public pace: number,
    private readonly program: () => Steps,
  ) {
    this.#steps = program();
    this.pending = this.#next(this.#steps.next());
  }

  get finished(): boolean {
    return this.pending === undefined;
  }

  resume(answer: Answer): void {
    this.pending = this.#next(this.#steps.next(answer));
  }

  restart(): void {
    this.session = new ModelSession();
    this.waiting = false;
    this.#steps = this.program();
    this.pending = this.#next(this.#steps.next());
  }

  #next(result: IteratorResult<Statement, void>): Statement | undefined {
    return result.done === true ? undefined : result.value;
  }
}
