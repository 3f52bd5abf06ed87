import type { Hold, Leases } from '../leasing/lease.js';
import { DeadlineClock, type ClockLimits } from './deadline-clock.js';
import type { Process } from './process.js';
import { processLimits, Tenure, type ProcessLimits, type ProcessParts } from './tenure.js';

/** All processes and the clock of deadlines, each held by one worker at a time. */
export class Reactors {
  private holds: readonly Hold[] = [];

  constructor(
    private readonly processes: readonly Process[],
    private readonly parts: ReactorParts,
    private readonly limits: { readonly process?: ProcessLimits; readonly clock?: ClockLimits } = {},
  ) {
    const names = processes.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new Error(`Two processes are called ${twice}.`);
  }

  start(): void {
    const { leases, observer } = this.parts;
    const { deadlines, commands, addresses } = this.parts.acting;
    const limits = this.limits.process ?? processLimits;
    const clock = new DeadlineClock({ deadlines, commands, addresses, observer }, this.limits.clock);
    this.holds = [
      leases.hold('deadlines', ({ signal }) => clock.run(signal)),
      ...this.processes.map((process) =>
        leases.hold(`process:${process.name}`, (lease) => Tenure.of({ ...this.parts, process, limits }, lease)),
      ),
    ];
  }

  /** Resolves when everything under way has ended and other workers may go on. */
  async stop(): Promise<void> {
    await Promise.all(this.holds.map((hold) => hold.stop()));
    this.holds = [];
  }
}

export type ReactorParts = Omit<ProcessParts, 'process' | 'limits'> & { readonly leases: Leases };
