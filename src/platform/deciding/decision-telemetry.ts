import { Inject, Injectable } from '@nestjs/common';
import type { Counter } from 'prom-client';
import { LOG, type Log } from '../telemetry/log.js';
import { childrenOf, Metrics } from '../telemetry/metrics.js';
import { DecidingObserver, type CommandDone } from './deciding-observer.js';

/** One line and three numbers for each command. */
@Injectable()
export class DecisionTelemetry extends DecidingObserver {
  readonly #durations: ReturnType<typeof childrenOf>;
  readonly #retries: Counter<'command'>;

  constructor(
    @Inject(LOG) private readonly log: Log,
    @Inject(Metrics) metrics: Metrics,
  ) {
    super();
    this.#durations = childrenOf(
      metrics.durations({
        name: 'chorus_command_seconds',
        help: 'Time from a command on the bus to its answer, waiting for its stream included.',
        labels: ['command', 'outcome'],
      }),
    );
    this.#retries = metrics.counter({
      name: 'chorus_command_retries_total',
      help: 'Decisions made again because their stream had changed, or because the answer of the log was lost.',
      labels: ['command'],
    });
  }

  commandDone(done: CommandDone): void {
    const { command, outcome, attempts, ms } = done;
    this.#durations(command, outcome).observe(ms / 1_000);
    if (attempts > 1) this.#retries.inc({ command }, attempts - 1);
    this.log.debug(done, 'command');
  }
}
