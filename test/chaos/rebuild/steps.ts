import type { DurableRow } from './durable-row.js';

/**
 * Where a worker is killed. Most are states of the durable row. Three are transactions, which leave nothing in the row before
 * they are over: somebody who reads the tables holds those up, and the worker is killed while it waits for them.
 */
export const stepNames = [
  'planned',
  'replaying',
  'catching_up',
  'indexing',
  'verifying',
  'ready',
  'switching',
  'switched',
  'rolling_back',
  'rolled_back',
  'retiring',
  'aborting',
] as const;
export type StepName = (typeof stepNames)[number];

export interface Step {
  /** As the row is when the worker is in the middle of it. */
  readonly isIn: (row: DurableRow) => boolean;
  /** Nothing of it is left to be killed in. */
  readonly isOver: (row: DurableRow) => boolean;
  /** Who holds the worker up, so that the step lasts. */
  readonly obstacle?: Obstacle;
}

export interface Obstacle {
  /** From when on there is something to be in the way of. */
  readonly from: (row: DurableRow) => boolean;
  readonly relation: (row: DurableRow) => string | null;
  /** As a reader holds it, or as PostgreSQL's own cleaning does. */
  readonly mode: 'access share' | 'share update exclusive';
}

/** The read model whose worker is killed; its table of the same name is the one that is in the way. */
export const projection = 'prefix_sums';

const order = ['planned', 'replaying', 'catching_up', 'indexing', 'verifying', 'ready', 'switched'] as const;

function isBeyond(state: (typeof order)[number]): Step['isOver'] {
  const place = order.indexOf(state);
  return (row) => {
    const at = order.findIndex((each) => each === row.state);
    return at === -1 || at > place;
  };
}

function during(state: (typeof order)[number]): Step {
  return { isIn: (row) => row.state === state, isOver: isBeyond(state) };
}

/** From the moment when it was asked for until it is done. */
function asked(request: string, relation: Obstacle['relation']): Step {
  const isIn: Step['isIn'] = (row) => row.request === request;
  return { isIn, isOver: (row) => !isIn(row), obstacle: { from: () => true, relation, mode: 'access share' } };
}

function tableIn(schema: string | null): string | null {
  return schema === null ? null : `"${schema}"."${projection}"`;
}

function view(): string {
  return `read."${projection}"`;
}

export const steps: Readonly<Record<StepName, Step>> = {
  planned: during('planned'),
  // Some of the log is folded by then, and some is not.
  replaying: {
    isIn: ({ state, position, target }) => state === 'replaying' && (position ?? 0n) > 0n && (position ?? 0n) < target,
    isOver: isBeyond('replaying'),
  },
  catching_up: during('catching_up'),
  indexing: {
    ...during('indexing'),
    obstacle: {
      from: ({ state }) => state === 'replaying' || state === 'catching_up',
      relation: ({ next }) => tableIn(next),
      mode: 'share update exclusive',
    },
  },
  verifying: during('verifying'),
  ready: during('ready'),
  switching: asked('switch', view),
  switched: during('switched'),
  rolling_back: asked('rollback', view),
  rolled_back: { isIn: ({ state }) => state === 'rolled_back', isOver: () => false },
  retiring: asked('retire', ({ state, next, former }) => tableIn(state === 'rolled_back' ? next : former)),
  aborting: asked('abort', ({ next }) => tableIn(next)),
};
