import type { Database } from '../database/database.js';
import type { EventCodec } from '../event-store/event-codec.js';
import type { EventStore } from '../event-store/event-store.js';
import type { Projection } from '../projecting/projection.js';
import { foldBoth, type Alterations, type Altered } from './altered-fold.js';
import { estimate } from './estimate.js';
import { positionAt, type Moment } from './moment.js';
import { compile, type Compiled, type Question } from './question.js';
import { FoldTooLarge, ModelUnknown, type Estimate } from './refused.js';
import { rowDifferences, type TableDifferences } from './row-differences.js';
import { rowsOf, type Row } from './rows-of.js';
import type { FoldProgress, Scratch } from './scratch.js';
import { Scratches } from './scratches.js';

/**
 * Read models as they were, and as they would be. Every answer folds the log anew into a scratch build, which is gone when the
 * answer is there: nothing is kept, so nothing can be stale, and what people read is not touched.
 */
export class TimeTravel {
  constructor(private readonly parts: TravelParts) {}

  /** The rows of one table at a moment. */
  async asOf(travel: Travel, moment: Moment, question: Question): Promise<AsOf> {
    const projection = this.projectionNamed(travel.model);
    const compiled = compile(projection, question);
    const upTo = await this.allowed(projection, travel, moment);
    await using scratches = await Scratches.open(this.parts.database);
    const scratch = await scratches.make(projection);
    await this.fold(scratch, upTo, travel);
    const { total, rows } = await rowsOf(scratch, compiled, question.limit);
    return { model: projection.name, table: compiled.table.name, position: Number(upTo), total, rows };
  }

  /** What is different at the second moment from the first, whichever comes first in the log. */
  async between(travel: Travel, moments: readonly [Moment, Moment], question: Question): Promise<Difference> {
    const projection = this.projectionNamed(travel.model);
    const compiled = compiledForAll(projection, question);
    const from = await this.allowed(projection, travel, moments[0]);
    const to = await this.allowed(projection, travel, moments[1]);
    await using scratches = await Scratches.open(this.parts.database);
    const earlier = await scratches.make(projection);
    await this.fold(earlier, from < to ? from : to, travel);
    const later = await scratches.copy(earlier);
    await this.fold(later, from < to ? to : from, travel);
    const sides = from < to ? ([earlier, later] as const) : ([later, earlier] as const);
    const tables = await differencesIn(sides, compiled, question.limit, travel.signal);
    return { model: projection.name, before: Number(from), after: Number(to), tables };
  }

  /** What would be different at a moment, had other things happened. */
  async whatIf(
    travel: Travel,
    moment: Moment | undefined,
    alterations: Alterations,
    question: Question,
  ): Promise<WhatIf> {
    const projection = this.projectionNamed(travel.model);
    const compiled = compiledForAll(projection, question);
    const upTo = await this.allowed(projection, travel, moment ?? { position: await this.parts.store.head() });
    await using scratches = await Scratches.open(this.parts.database);
    const real = await scratches.make(projection);
    const { other, ...counts } = await foldBoth(real, upTo, alterations, {
      ...this.foldingOf(travel),
      codec: this.parts.codec,
      copy: (scratch) => scratches.copy(scratch),
    });
    const tables = await differencesIn([real, other ?? real], compiled, question.limit, travel.signal);
    return { model: projection.name, position: Number(upTo), ...counts, tables };
  }

  async estimate(model: string, moment: Moment): Promise<Estimate> {
    const { database, store, codec } = this.parts;
    const projection = this.projectionNamed(model);
    const upTo = await positionAt(store, moment);
    return estimate(database.pool, codec.storedTypes(Object.keys(projection.when)), upTo);
  }

  /** The position of the moment, unless getting there is more than was allowed. */
  private async allowed(projection: Projection, { positionsMax }: Travel, moment: Moment): Promise<bigint> {
    const position = await positionAt(this.parts.store, moment);
    if (positionsMax !== undefined && position > BigInt(positionsMax)) {
      throw new FoldTooLarge(await this.estimate(projection.name, { position }), positionsMax);
    }
    return position;
  }

  private projectionNamed(name: string): Projection {
    const { projections } = this.parts;
    const found = projections.find((each) => each.name === name);
    if (found === undefined) {
      throw new ModelUnknown(
        name,
        projections.map((each) => each.name),
      );
    }
    return found;
  }

  private async fold(scratch: Scratch, upTo: bigint, travel: Travel): Promise<void> {
    await scratch.foldTo(upTo, this.foldingOf(travel));
    travel.signal.throwIfAborted();
  }

  private foldingOf({ signal, onProgress }: Travel) {
    return { store: this.parts.store, signal, onProgress };
  }
}

export interface TravelParts {
  readonly database: Pick<Database, 'url' | 'pool'>;
  readonly store: EventStore;
  readonly codec: EventCodec;
  readonly projections: readonly Projection[];
}

export interface Travel {
  /** Name of a projection. */
  readonly model: string;
  /** Positions of the log that may be read; absent: as many as it takes. */
  readonly positionsMax?: number | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?: ((progress: FoldProgress) => void) | undefined;
}

export interface AsOf {
  readonly model: string;
  readonly table: string;
  readonly position: number;
  /** How many rows there are, shown or not. */
  readonly total: number;
  readonly rows: readonly Row[];
}

export interface Difference {
  readonly model: string;
  readonly before: number;
  readonly after: number;
  readonly tables: readonly TableDifferences[];
}

export interface WhatIf extends Omit<Altered, 'other'> {
  readonly model: string;
  readonly position: number;
  readonly tables: readonly TableDifferences[];
}

/** A condition is about columns and so about one table; without one, all are looked at. */
function compiledForAll(projection: Projection, question: Question): readonly Compiled[] {
  if (question.table !== undefined || question.where.length > 0) return [compile(projection, question)];
  return Object.keys(projection.tables).map((table) => compile(projection, { ...question, table }));
}

async function differencesIn(
  sides: readonly [Scratch, Scratch],
  compiled: readonly Compiled[],
  limit: number,
  signal: AbortSignal,
): Promise<readonly TableDifferences[]> {
  const tables: TableDifferences[] = [];
  for (const each of compiled) {
    signal.throwIfAborted();
    tables.push(await rowDifferences(sides, each, limit));
  }
  return tables;
}
