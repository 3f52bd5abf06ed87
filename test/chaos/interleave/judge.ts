import type { LoggedEvent, NewEvent } from './statement.js';

/** What is left when everybody is done: on the model and on PostgreSQL the same kind of thing. */
export interface History {
  /** What was committed, in the order of the commits. */
  readonly log: readonly NewEvent[];
  /** What went into the read model and was committed, in the order of the rows. */
  readonly applied: readonly Pick<LoggedEvent, 'uid' | 'stream' | 'version'>[];
  /** Commands whose callers were told that they were carried out. */
  readonly acknowledged: ReadonlySet<string>;
  /** Somebody could never go on. */
  readonly stuck: boolean;
}

export interface Violation {
  readonly kind: 'lost' | 'doubled' | 'reordered' | 'overwritten' | 'gap' | 'commit order' | 'stuck';
  readonly what: string;
}

/** What a caller or a reader may rely on, checked without knowing how it was done. */
export function judge(history: History, promises: { readonly gapless: boolean }): readonly Violation[] {
  return [
    ...(history.stuck ? [{ kind: 'stuck', what: 'somebody waits for ever' } as const] : []),
    ...lost(history),
    ...doubled(history),
    ...reordered(history),
    ...overwritten(history),
    ...(promises.gapless ? positions(history) : []),
  ];
}

function lost({ log, applied, acknowledged }: History): readonly Violation[] {
  const carriedOut = new Set(log.map(({ command }) => command));
  const delivered = new Set(applied.map(({ uid }) => uid));
  return [
    ...[...acknowledged]
      .filter((command) => !carriedOut.has(command))
      .map((command) => `${command} was acknowledged, but is not in the log`),
    ...log
      .filter(({ uid }) => !delivered.has(uid))
      .map(({ uid }) => `${uid} is in the log, but never reached the reader`),
  ].map((what) => ({ kind: 'lost', what }) as const);
}

function doubled({ log, applied }: History): readonly Violation[] {
  // A repeated command writes under new event ids, so it is counted by attempts: the third part of an event's id.
  const attempts = new Set(log.map(({ command, uid }) => `${command} ${attemptOf(uid)}`));
  const carriedOut = [...attempts].map((attempt) => attempt.split(' ')[0] ?? '');
  return [
    ...repeated(carriedOut).map((command) => `${command} was carried out more than once`),
    ...repeated(applied.map(({ uid }) => uid)).map((uid) => `${uid} reached the reader more than once`),
  ].map((what) => ({ kind: 'doubled', what }) as const);
}

function attemptOf(uid: string): string {
  return uid.split('.')[2] ?? '';
}

function repeated(values: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return values.filter((value) => seen.has(value) || !seen.add(value));
}

function reordered({ applied }: History): readonly Violation[] {
  const seen = new Set<string>();
  const newest = new Map<string, number>();
  const violations: Violation[] = [];
  for (const { uid, stream, version } of applied) {
    if (seen.has(uid)) continue;
    seen.add(uid);
    const before = newest.get(stream) ?? 0;
    if (version < before) {
      violations.push({
        kind: 'reordered',
        what: `version ${String(version)} of ${stream} came after ${String(before)}`,
      });
    }
    newest.set(stream, Math.max(before, version));
  }
  return violations;
}

function overwritten({ log }: History): readonly Violation[] {
  const first = new Map<string, NewEvent>();
  for (const event of log.toSorted((a, b) => a.version - b.version))
    if (!first.has(event.command)) first.set(event.command, event);
  const wrong = [...first.values()].filter(({ version, expected }) => version !== expected + 1);
  const versions = new Set(log.map(({ stream, version }) => `${stream} ${String(version)}`));
  return [
    ...wrong.map(({ command, expected, version }) => ({
      kind: 'overwritten' as const,
      what: `${command} expected version ${String(expected)} and was accepted at ${String(version - 1)}`,
    })),
    ...(versions.size < log.length ? [{ kind: 'overwritten' as const, what: 'two events have one version' }] : []),
  ];
}

function positions({ log }: History): readonly Violation[] {
  const found: Violation[] = [];
  for (const [nth, { uid, position }] of log.entries()) {
    const before = log[nth - 1]?.position ?? 0;
    if (position < before)
      found.push({ kind: 'commit order', what: `${uid} at ${String(position)} was committed after ${String(before)}` });
  }
  const sorted = log.map(({ position }) => position).sort((a, b) => a - b);
  const gap = sorted.findIndex((position, nth) => position !== nth + 1);
  if (gap >= 0) found.push({ kind: 'gap', what: `position ${String(gap + 1)} is missing` });
  return found;
}
