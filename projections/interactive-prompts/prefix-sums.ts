import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { PromptShape } from '../../src/interactive-prompts/prompt-content.js';
import type { promptSessionEvents, PromptSessionMoment } from '../../src/interactive-prompts/prompt-session.js';
import type { PromptUid } from '../../src/kernel/ids.js';
import { projection, type RowsOf } from '../../src/platform/projecting/projection.js';
import { ReadModels } from '../../src/platform/projecting/read-models.js';
import { table } from '../../src/platform/projecting/table.js';
import { binOf, binsOf } from './bins.js';
import { nodesToChange, nodesToRead } from './fenwick-tree.js';

/**
 * What a crowd looks like at every moment of a prompt, as if all had joined together: a value at a bin counts everything that
 * happened at or before it, whoever did it and whenever they came.
 *
 * Each value is a tree of partial sums over the bins. Read: the rows of at most log2(bins + 1) nodes, by primary key. Change:
 * as many rows per value, so an event costs the same in a crowd of ten and of a million.
 */
const tables = {
  sums: table({
    name: 'prefix_sums',
    columns: { prompt_uid: 'text', node: 'integer', category: 'text', value: 'integer', total: 'bigint' },
    key: ['prompt_uid', 'node', 'category', 'value'],
  }),
};

/** Those below the first two are about one answer each, which is their value; the value of the others is 0. */
type Category = 'users' | 'likes' | 'numeric_active' | 'press' | 'press_active' | 'color_active' | 'word_active';

export const prefixSums = projection<typeof promptSessionEvents>()({
  name: 'prefix_sums',
  version: 1,
  tables,
  when: {
    SessionJoined: (moment, rows) => {
      change(rows, moment, 'users', 1);
    },
    SessionLeft: (moment, rows) => {
      change(rows, moment, 'users', -1);
    },
    PromptLiked: (moment, rows) => {
      change(rows, moment, 'likes', 1);
    },
  },
});

function change(rows: RowsOf<typeof tables>, moment: PromptSessionMoment, category: Category, by: number): void {
  const { promptUid, promptTime, durationSeconds } = moment;
  for (const node of nodesToChange(binOf(promptTime, durationSeconds), binsOf(durationSeconds))) {
    rows.sums.add({ prompt_uid: promptUid, node, category, value: 0 }, { total: by });
  }
}

/** The crowd at the end of a bin. What the prompt does not ask is null; what nobody answered is 0. */
export class CrowdAt extends Query<Crowd> {
  constructor(
    readonly promptUid: PromptUid,
    readonly bin: number,
    readonly shape: PromptShape,
  ) {
    super();
  }
}

export interface Crowd {
  /** Sessions, not people: somebody may be there twice. */
  readonly users: number;
  readonly likes: number;
  readonly numericActive: Readonly<Record<string, number>> | null;
  readonly press: number | null;
  readonly pressActive: number | null;
  readonly colorActive: readonly number[] | null;
  readonly wordActive: readonly number[] | null;
}

const sumsOfNodes = {
  columns: { category: 'text', value: 'integer', total: 'bigint' },
  sql: `select category, value, sum(total)::bigint as total from read.prefix_sums
        where prompt_uid = $1 and node = any($2) group by category, value`,
} as const;

@QueryHandler(CrowdAt)
export class CrowdAtHandler implements IQueryHandler<CrowdAt> {
  constructor(private readonly readModels: ReadModels) {}

  async execute({ promptUid, bin, shape }: CrowdAt): Promise<Crowd> {
    const nodes = [...nodesToRead(bin)];
    const sums = await this.readModels.query(sumsOfNodes.columns, sumsOfNodes.sql, [promptUid, nodes]);
    const totals = new Map(sums.map(({ category, value, total }) => [keyOf(category, value), total]));
    return crowdOf(shape, (category, value = 0) => totals.get(keyOf(category, value)) ?? 0);
  }
}

function keyOf(category: string, value: number): string {
  return `${category} ${String(value)}`;
}

function crowdOf(shape: PromptShape, sumOf: (category: Category, value?: number) => number): Crowd {
  const each = (category: Category, choices: number): number[] =>
    Array.from({ length: choices }, (_, choice) => sumOf(category, choice));
  const crowd: Crowd = { users: sumOf('users'), likes: sumOf('likes'), ...nothingAsked };
  switch (shape.style) {
    case 'numeric': {
      const ratings = Array.from({ length: shape.max - shape.min + 1 }, (_, step) => shape.min + step);
      const active = ratings.map((rating) => [rating, sumOf('numeric_active', rating)] as const);
      return { ...crowd, numericActive: Object.fromEntries(active) };
    }
    case 'press':
      return { ...crowd, press: sumOf('press'), pressActive: sumOf('press_active') };
    case 'color':
      return { ...crowd, colorActive: each('color_active', shape.choices) };
    case 'word':
      return { ...crowd, wordActive: each('word_active', shape.choices) };
  }
}

const nothingAsked = {
  numericActive: null,
  press: null,
  pressActive: null,
  colorActive: null,
  wordActive: null,
} as const;
