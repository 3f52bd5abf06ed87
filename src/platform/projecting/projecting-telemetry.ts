import type { Finding } from '../telemetry/health.js';
import type { Metrics, Sample } from '../telemetry/metrics.js';
import type { LagReport, ProjectionLag } from './lag.js';
import type { ProgressBoard } from './progress-board.js';

/** A worker with a projection that cannot run is not ready: what it answers would grow older and older. */
export async function healthOf(lag: ProjectionLag): Promise<Finding> {
  const reports = await lag.report();
  const problems = reports.flatMap(({ problem }) => (problem === undefined ? [] : [problem]));
  const facts = Object.fromEntries(reports.map((report) => [report.projection, report.lag]));
  return problems.length === 0 ? { ok: true, facts } : { ok: false, why: problems.join(' '), facts };
}

export function showInMetrics(metrics: Metrics, lag: ProjectionLag, board: ProgressBoard): void {
  const reports = rememberedFor(500, () => lag.report());
  const gauge = (name: string, help: string, value: (report: LagReport) => number): void => {
    metrics.gauge({ name, help, labels: ['projection'] }, async () => (await reports()).map(sample(value)));
  };
  gauge(
    'chorus_projection_lag_positions',
    'Positions of the log that are not in the read model yet',
    (report) => report.lag,
  );
  gauge(
    'projection_lag_seconds',
    'Age of the oldest event that is not in the read model yet',
    (report) => report.lagMs / 1_000,
  );
  gauge(
    'chorus_projection_dead_letters',
    'Events that could not be applied and wait to be',
    (report) => report.deadLetters,
  );
  gauge('chorus_projection_runs_here', '1 where this process keeps the read model up to date', (report) =>
    report.runsHere ? 1 : 0,
  );
  gauge(
    'chorus_projection_events',
    'Events this process applied',
    ({ projection }) => board.of(projection)?.events ?? 0,
  );
  gauge(
    'projection_batches',
    'Statements it took to apply them',
    ({ projection }) => board.of(projection)?.batches ?? 0,
  );
}

function sample(value: (report: LagReport) => number): (report: LagReport) => Sample {
  return (report) => ({ labels: { projection: report.projection }, value: value(report) });
}

/** One scrape asks several times for the same. */
function rememberedFor<Value>(ms: number, ask: () => Promise<Value>): () => Promise<Value> {
  let last: { readonly at: number; readonly value: Promise<Value> } | undefined;
  return () => {
    if (last === undefined || performance.now() - last.at > ms) last = { at: performance.now(), value: ask() };
    return last.value;
  };
}
