import { Inject, Injectable } from '@nestjs/common';
import type { Counter, Histogram } from 'prom-client';
import { Tail } from '../event-store/tail.js';
import { LOG, type Log } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { Checkpoints } from './checkpoints.js';
import { ReactingObserver, type ReactionDone, type ReactionFailed } from './reacting-observer.js';

/** What processes and deadlines do, in the log and in numbers. */
@Injectable()
export class ReactingTelemetry extends ReactingObserver {
  readonly #reactions: Counter<'process' | 'outcome'>;
  readonly #deadLetters: Counter<'process'>;
  readonly #lateness: Histogram<'process'>;

  constructor(
    @Inject(LOG) private readonly log: Log,
    @Inject(Metrics) metrics: Metrics,
    @Inject(Checkpoints) checkpoints: Checkpoints,
    @Inject(Tail) tail: Tail,
  ) {
    super();
    this.#reactions = metrics.counter({
      name: 'chorus_reactions_total',
      help: 'Attempts of processes to react to an event.',
      labels: ['process', 'outcome'],
    });
    this.#deadLetters = metrics.counter({
      name: 'chorus_reactions_given_up_total',
      help: 'Events that processes set aside after too many failures.',
      labels: ['process'],
    });
    this.#lateness = metrics.durations({
      name: 'chorus_deadline_lateness_seconds',
      help: 'How long after it was due a command was done or refused.',
      labels: ['process'],
    });
    metrics.gauge(
      { name: 'chorus_process_lag_events', help: 'Events that a process has not passed yet.', labels: ['process'] },
      async () => {
        const all = await checkpoints.all();
        return all.map(({ process, position }) => ({ labels: { process }, value: lag(tail.head(), position) }));
      },
    );
  }

  reactionDone({ process, outcome, error, ...facts }: ReactionDone): void {
    this.#reactions.inc({ process, outcome });
    if (outcome === 'done') this.log.debug({ process, outcome, ...facts }, 'reaction');
    else this.log.warn({ process, outcome, ...facts, err: error }, 'reaction');
  }

  deadLettered({ error, ...facts }: ReactionFailed): void {
    this.#deadLetters.inc({ process: facts.process });
    this.log.error({ ...facts, err: error }, 'event set aside');
  }

  deadlineFired({ process, category, outcome, dueAt }: Parameters<ReactingObserver['deadlineFired']>[0]): void {
    this.#lateness.observe({ process }, Math.max(0, Date.now() - dueAt.getTime()) / 1_000);
    this.log.debug({ process, category, outcome }, 'deadline');
  }

  deadlineFailed({ error, ...facts }: Parameters<ReactingObserver['deadlineFailed']>[0]): void {
    this.log.warn({ ...facts, err: error }, 'deadline failed');
  }

  troubled({ part, error }: { readonly part: string; readonly error: unknown }): void {
    this.log.warn({ part, err: error }, 'tried again later');
  }
}

function lag(head: bigint, position: bigint): number {
  return head > position ? Number(head - position) : 0;
}
