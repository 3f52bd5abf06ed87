/** Where the outcome of every command is counted. Telemetry provides one; without it nothing is counted. */
export abstract class DecidingObserver {
  abstract commandDone(done: CommandDone): void;
}

export interface CommandDone {
  readonly stream: string;
  readonly category: string;
  readonly command: string;
  readonly correlationId: string;
  readonly outcome: CommandOutcome;
  readonly events: number;
  /** 1 unless the stream changed under the decision, or the log's answer was lost; 0 if its turn never came. */
  readonly attempts: number;
  /** From being called to being answered, waiting for the stream's turn included. */
  readonly ms: number;
}

/** `unchanged`: it was already so. `repeated`: the ledger answered. */
export type CommandOutcome = 'decided' | 'unchanged' | 'repeated' | 'refused' | 'failed';
