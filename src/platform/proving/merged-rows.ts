import type { TextRow } from './row-pages.js';

/** A row of two sides: of at least one of them. */
export interface RowPair {
  readonly before: TextRow | undefined;
  readonly after: TextRow | undefined;
}

/**
 * Two streams of rows, each sorted by key, as pairs, as many at a time as are at hand. Rows that are written alike on both
 * sides are left out.
 */
export async function* differingPairs(
  before: AsyncIterable<readonly TextRow[]>,
  after: AsyncIterable<readonly TextRow[]>,
): AsyncGenerator<readonly RowPair[]> {
  const [one, other] = [new Reader(before), new Reader(after)];
  for (;;) {
    await one.fill();
    await other.fill();
    if (one.current === undefined && other.current === undefined) return;
    const pairs = pairsAtHand(one, other);
    if (pairs.length > 0) yield pairs;
  }
}

function pairsAtHand(one: Reader, other: Reader): readonly RowPair[] {
  const pairs: RowPair[] = [];
  while (one.hasNext && other.hasNext && (one.current ?? other.current) !== undefined) {
    const pair = nextPair(one, other);
    if (pair.before?.rest !== pair.after?.rest) pairs.push(pair);
  }
  return pairs;
}

function nextPair(one: Reader, other: Reader): RowPair {
  const [before, after] = [one.current, other.current];
  const order = orderOf(before, after);
  if (order <= 0) one.step();
  if (order >= 0) other.step();
  return { before: order <= 0 ? before : undefined, after: order >= 0 ? after : undefined };
}

/** What is not there comes after everything that is. */
function orderOf(left: TextRow | undefined, right: TextRow | undefined): number {
  if (left === undefined) return 1;
  return right === undefined ? -1 : byteOrder(left.key, right.key);
}

class Reader {
  private readonly pages: AsyncIterator<readonly TextRow[]>;
  private page: readonly TextRow[] = [];
  private at = 0;
  private ended = false;

  constructor(pages: AsyncIterable<readonly TextRow[]>) {
    this.pages = pages[Symbol.asyncIterator]();
  }

  get current(): TextRow | undefined {
    return this.page[this.at];
  }

  step(): void {
    this.at += 1;
  }

  async fill(): Promise<void> {
    while (this.current === undefined && !this.ended) {
      const next = await this.pages.next();
      this.ended = next.done === true;
      this.page = next.done === true ? [] : next.value;
      this.at = 0;
    }
  }

  /** Whether it is known which row comes next, or that none does. */
  get hasNext(): boolean {
    return this.ended || this.current !== undefined;
  }
}

/** As PostgreSQL sorts with collation "C": by the bytes of UTF-8, which is by code point. JavaScript compares UTF-16. */
export function byteOrder(one: string, other: string): number {
  if (one === other) return 0;
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at += 1) {
    const [left, right] = [one.charCodeAt(at), other.charCodeAt(at)];
    if (left !== right) return place(left) - place(right);
  }
  return one.length - other.length;
}

/** Surrogates stand for code points above all others. */
function place(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800;
  return unit >= 0xd800 ? unit + 0x2000 : unit;
}
