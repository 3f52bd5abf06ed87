import {
  EventStore,
  type Append,
  type Appended,
  type CommandRef,
  type CommittedBatch,
  type LogPage,
  type LogRange,
  type StreamRange,
  type StreamSlice,
} from '../../src/platform/event-store/event-store.js';

type Step = 'append' | 'readStream' | 'findCommand';

/**
 * An event store with a hand between it and its user: something else can be made to happen exactly before or after a step,
 * and steps are counted. `before('append', …)` is how another process gets in between reading and appending.
 */
export class InterposedStore extends EventStore {
  readonly steps: Step[] = [];
  private readonly befores: { step: Step; act: () => Promise<unknown> }[] = [];
  private readonly afters: { step: Step; act: () => Promise<unknown> }[] = [];

  constructor(private readonly store: EventStore) {
    super();
  }

  /** Once, at the next such step. Throwing there is an outage in which the step did not happen. */
  before(step: Step, act: () => Promise<unknown>): void {
    this.befores.push({ step, act });
  }

  /** Once, at the next such step. Throwing there loses the answer of a step that did happen. */
  after(step: Step, act: () => Promise<unknown>): void {
    this.afters.push({ step, act });
  }

  append(append: Append): Promise<Appended> {
    return this.interposed('append', () => this.store.append(append));
  }
  readStream(stream: string, range?: StreamRange): Promise<StreamSlice> {
    return this.interposed('readStream', () => this.store.readStream(stream, range));
  }
  findCommand(command: CommandRef): Promise<Appended | undefined> {
    return this.interposed('findCommand', () => this.store.findCommand(command));
  }
  readAll(range: LogRange): Promise<LogPage> {
    return this.store.readAll(range);
  }
  head(): Promise<bigint> {
    return this.store.head();
  }
  onAppended(listener: (batch: CommittedBatch) => void): () => void {
    return this.store.onAppended(listener);
  }
  close(): Promise<void> {
    return this.store.close();
  }

  private async interposed<Result>(step: Step, take: () => Promise<Result>): Promise<Result> {
    this.steps.push(step);
    await once(this.befores, step);
    const result = await take();
    await once(this.afters, step);
    return result;
  }
}

async function once(acts: { step: Step; act: () => Promise<unknown> }[], step: Step): Promise<void> {
  const index = acts.findIndex((planned) => planned.step === step);
  const [planned] = index < 0 ? [] : acts.splice(index, 1);
  await planned?.act();
}
