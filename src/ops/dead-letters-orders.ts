import type { LetterState } from '../platform/projecting/dead-letters.js';
import type { Printing } from './environment.js';

export interface ListOrder extends Printing {
  readonly state?: LetterState;
}

export interface RetryOrder extends Printing {
  readonly all?: string;
  readonly wait: boolean;
}

export interface SkipOrder extends Printing {
  readonly reason: string;
  readonly by: string;
  readonly yes?: boolean;
  readonly wait: boolean;
}
