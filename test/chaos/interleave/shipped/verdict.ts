import type pg from 'pg';
import { z } from 'zod';
import type { Notes, Page } from './actors.js';

/** What callers and readers were shown by one schedule, held against what the log has got after `from`. */
export async function verdict(
  control: pg.Client,
  { from, buildSchema, notes }: { from: bigint; buildSchema: string; notes: Notes },
): Promise<Verdict> {
  const logged = 'select position, stream, version, data from log.events where position > $1 order by position';
  const log = LogRows.parse((await control.query(logged, [from])).rows);
  const counted = `select position, times from "${buildSchema}".interleaved where position > $1`;
  const counts = CountRows.parse((await control.query(counted, [from])).rows);
  const violations = [
    ...(notes.rejected === 0 ? [] : [`rejected: ${String(notes.rejected)} appends had to be refused by an index`]),
    ...commandsOf(log, notes.acknowledged),
    ...positionsOf(log, from),
    ...versionsOf(log),
    ...deliveriesOf(log, counts),
    ...notes.pages.flatMap((page) => holesIn(page, log, from)),
  ];
  return { violations, deliveries: counts.length };
}

export interface Verdict {
  readonly violations: readonly string[];
  readonly deliveries: number;
}

const position = z.coerce.bigint();
const LogRow = z.object({
  position,
  stream: z.string(),
  version: z.int(),
  data: z.object({ command: z.string() }),
});
type LogRow = z.infer<typeof LogRow>;
const LogRows = z.array(LogRow);
const CountRows = z.array(z.object({ position, times: z.int() }));

function commandsOf(log: readonly LogRow[], acknowledged: ReadonlySet<string>): readonly string[] {
  const commands = log.map(({ data }) => data.command);
  const known = new Set(commands);
  return [
    ...[...acknowledged].filter((command) => !known.has(command)).map((command) => `lost: ${command} was acknowledged`),
    ...commands
      .filter((command, nth) => commands.indexOf(command) !== nth)
      .map((command) => `doubled: ${command} is in the log twice`),
  ];
}

function positionsOf(log: readonly LogRow[], from: bigint): readonly string[] {
  const gap = log.find(({ position }, nth) => position !== from + BigInt(nth) + 1n);
  return gap === undefined ? [] : [`gap: ${String(gap.position)} does not follow the position before it`];
}

function versionsOf(log: readonly LogRow[]): readonly string[] {
  const versions = new Map<string, number>();
  return log.flatMap(({ stream, version }) => {
    const before = versions.get(stream) ?? 0;
    versions.set(stream, version);
    return version === before + 1
      ? []
      : [`reordered: version ${String(version)} of ${stream} follows ${String(before)}`];
  });
}

function deliveriesOf(log: readonly LogRow[], counts: z.infer<typeof CountRows>): readonly string[] {
  const times = new Map(counts.map((row) => [row.position, row.times]));
  return log.flatMap(({ position }) => {
    const arrived = times.get(position) ?? 0;
    if (arrived === 1) return [];
    return [`${arrived > 1 ? 'doubled' : 'lost'}: ${String(position)} reached the read model ${String(arrived)} times`];
  });
}

/** Whoever is told that a page goes up to a position has seen everything up to there. */
function holesIn({ after, scannedTo, positions }: Page, log: readonly LogRow[], from: bigint): readonly string[] {
  const within = log.map((row) => row.position).filter((at) => at > after && at <= scannedTo);
  const seen = positions.filter((at) => at > from);
  const said = `a page after ${String(after)} up to ${String(scannedTo)} held ${positions.join()}`;
  return within.join() === seen.join() ? [] : [`lost: ${said}`];
}
