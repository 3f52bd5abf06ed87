import { z } from 'zod';
import type { Dice } from '../interleave/dice.js';
import type { Caller } from '../under-load/caller.js';
import type { Installation } from '../under-load/installation.js';
import { untilRow, type DurableRow } from './durable-row.js';
import { projection, type StepName } from './steps.js';
import type { StepKiller } from './step-killer.js';

/** Built in the same pass over the log; what becomes of it while the worker dies for the other one is left to chance. */
const companion = 'event_counts';

const untilReady = ['planned', 'replaying', 'catching_up', 'indexing', 'verifying', 'ready'] as const;

/** How a rebuild may end, and what a worker can be killed in on the way. */
export const endings = {
  'rolled back': [...untilReady, 'switching', 'switched', 'rolling_back', 'rolled_back', 'retiring'],
  'given up': [...untilReady, 'aborting'],
  kept: [...untilReady, 'switching', 'switched', 'retiring'],
} as const satisfies Readonly<Record<string, readonly StepName[]>>;
export type Ending = keyof typeof endings;

/** Rebuilds from the plan to the end of one of the two builds, the way an operator leads them, over HTTP. */
export class Journeys {
  readonly done = { rebuilds: 0, switches: 0, rollbacks: 0, retired: 0, aborted: 0 };

  constructor(
    private readonly world: JourneyWorld,
    private readonly killer: StepKiller,
  ) {}

  async lead(ending: Ending, wanted: ReadonlySet<StepName>): Promise<void> {
    const at = (step: StepName, begin: () => Promise<void> = () => Promise.resolve()): Promise<void> =>
      wanted.has(step) ? this.killer.killAt(step, begin) : begin();
    await this.rebuild();
    for (const step of untilReady) await at(step);
    await this.both(({ state }) => state === 'ready');
    this.done.rebuilds += 1;
    if (ending === 'given up') {
      await at('aborting', () => this.order('abort'));
      await this.both(({ state }) => state === 'aborted');
      this.done.aborted += 1;
      return;
    }
    await at('switching', () => this.order('switch'));
    await at('switched');
    await this.both(({ state }) => state === 'switched');
    this.done.switches += 1;
    if (ending === 'rolled back') await this.rollBack(at);
    await at('retiring', () => this.order('retire'));
    await this.both(({ state, request, next }) => request === null && (state === 'retired' || next === null));
    this.done.retired += 1;
  }

  /** Without being disturbed, for whoever wants to look at both builds. */
  async showAnother(): Promise<void> {
    await this.rebuild();
    await this.both(({ state }) => state === 'ready');
    await this.order('switch');
    await this.both(({ state }) => state === 'switched');
  }

  async rollBack(at = (_step: StepName, begin?: () => Promise<void>) => begin?.()): Promise<void> {
    await at('rolling_back', () => this.order('rollback'));
    await at('rolled_back');
    await this.both(({ state }) => state === 'rolled_back');
    this.done.rollbacks += 1;
  }

  /** As slow as it takes to die in the middle of it. */
  private async rebuild(): Promise<void> {
    const { dice } = this.world;
    const [events] = await this.world.installed.ask('select count(*)::integer as events from log.events');
    const throttle = Math.max(eventsPerSMin, Math.round(Counted.parse(events).events / (1 + dice.below(3))));
    await this.post(projection, 'rebuild', { together_with: [companion], throttle });
  }

  /** The one that nobody is killed for is ordered first: then both are done when the other is. */
  private async order(what: string, body: object = {}): Promise<void> {
    for (const name of [companion, projection]) await this.post(name, what, body);
  }

  private async post(name: string, what: string, body: object = {}): Promise<void> {
    const { orders, installed } = this.world;
    const sender = installed.person('administrator', { admin: true });
    const told = await orders.command(`admin/projections/${name}/${what}`, sender, body);
    if (told?.status !== 202) throw new Error(`${what} of ${name} was refused: ${JSON.stringify(told?.body)}`);
  }

  private async both(isThere: (row: DurableRow) => boolean): Promise<void> {
    const { installed, signal } = this.world;
    for (const name of [companion, projection]) await untilRow(installed, { projection: name, signal }, isThere);
  }
}

/** More than visitors add, or a rebuild would never catch up with them. */
const eventsPerSMin = 400;
const Counted = z.object({ events: z.int() });

export interface JourneyWorld {
  readonly installed: Installation;
  /** Its own, so that orders are not taken for what visitors do. */
  readonly orders: Caller;
  readonly dice: Dice;
  readonly signal: AbortSignal;
}
