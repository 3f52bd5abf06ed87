import { judge, type Violation } from './judge.js';
import type { Protocol } from './protocol.js';
import { replay } from './replay.js';
import type { RealDatabase } from './real-database.js';
import { runSchedule, type Schedule } from './schedule.js';

/** How many schedules went by, and what they showed. */
export interface Seen {
  readonly schedules: number;
  readonly deliveries: number;
  readonly violations: readonly string[];
}

/** Runs a protocol on the model under many seeds. Gives way now and then, so that the run can be stopped. */
export async function onModel(protocol: Protocol, seeds: Seeds, signal: AbortSignal): Promise<Seen> {
  let deliveries = 0;
  const violations: string[] = [];
  for (let nth = 0; nth < seeds.count; nth += 1) {
    if (nth % 500 === 0) await givingWay(signal);
    const { seed, history } = runSchedule(protocol, seeds.first + nth);
    deliveries += history.applied.length;
    for (const { kind, what } of judge(history, protocol))
      violations.push(`${protocol.name}, seed ${String(seed)}: ${kind}, ${what}`);
  }
  return { schedules: seeds.count, deliveries, violations };
}

/** Repeats schedules of the model on PostgreSQL. Where the two disagree, the model is wrong, and that is a finding too. */
export async function onPostgres(
  database: RealDatabase,
  protocol: Protocol,
  seeds: Seeds,
  signal: AbortSignal,
): Promise<Seen & { readonly disagreements: readonly string[] }> {
  let schedules = 0;
  let deliveries = 0;
  const violations: string[] = [];
  const disagreements: string[] = [];
  for (let nth = 0; schedules < seeds.count; nth += 1) {
    signal.throwIfAborted();
    const schedule = runSchedule(protocol, seeds.first + nth);
    if (!schedule.repeatable) continue;
    const label = `${protocol.name}, seed ${String(schedule.seed)}`;
    const replayed = await replay(database, protocol, schedule);
    schedules += 1;
    deliveries += schedule.history.applied.length;
    violations.push(...replayed.violations.map(({ kind, what }) => `${label}, on PostgreSQL: ${kind}, ${what}`));
    if (replayed.differs !== undefined) disagreements.push(`${label}: ${replayed.differs}`);
  }
  return { schedules, deliveries, violations, disagreements };
}

/** Looks for a schedule under which a weak protocol fails on the model, and sees it fail in the same way on PostgreSQL. */
export async function hunt(
  database: RealDatabase,
  variant: Protocol,
  seeds: Seeds,
  signal: AbortSignal,
): Promise<Catch | undefined> {
  for (let nth = 0; nth < seeds.count; nth += 1) {
    if (nth % 500 === 0) await givingWay(signal);
    const schedule = runSchedule(variant, seeds.first + nth);
    const foretold = judge(schedule.history, variant)[0];
    if (foretold === undefined || !schedule.repeatable) continue;
    const { violations, differs } = await replay(database, variant, schedule);
    const found = violations.find(({ kind }) => kind === foretold.kind);
    if (found !== undefined && differs === undefined) return { schedule, found, schedulesTried: nth + 1 };
  }
  return undefined;
}

export interface Catch {
  readonly schedule: Schedule;
  readonly found: Violation;
  readonly schedulesTried: number;
}

export interface Seeds {
  readonly first: number;
  readonly count: number;
}

async function givingWay(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  signal.throwIfAborted();
}
