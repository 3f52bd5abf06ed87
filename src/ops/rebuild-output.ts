import { CannotStart } from '../platform/config/cannot-start.js';
import type { Plan, Rebuild, Report } from '../platform/rebuilding/rebuild.js';
import { progressOf } from '../platform/rebuilding/rebuild-progress.js';
import { whatDiffers } from '../platform/rebuilding/what-differs.js';
import type { Printing } from './environment.js';
import { printDifferences } from './rebuild-differences.js';
import { printJson, printLine, say } from './output.js';

/** Tells how rebuilds go: bars that move on a terminal, a line now and then elsewhere, a JSON object a line with `--json`. */
export class RebuildTelling {
  private told = '';
  private toldAt = -Infinity;
  private lines = 0;

  constructor(private readonly printing: Printing) {}

  readonly tell = (rebuilds: readonly Rebuild[]): void => {
    const states = rebuilds.map(({ state, request, problem }) => `${state} ${request ?? ''} ${problem ?? ''}`).join();
    const isTerminal = process.stderr.isTTY && this.printing.json !== true;
    const isNews = states !== this.told || performance.now() - this.toldAt > (isTerminal ? 0 : quietMs);
    if (!isNews) return;
    this.told = states;
    this.toldAt = performance.now();
    if (this.printing.json === true) for (const each of rebuilds) printJson(inJson(each));
    else if (isTerminal) this.draw(rebuilds.map((each) => lineOf(each)));
    else for (const each of rebuilds) say(lineOf(each));
  };

  private draw(lines: readonly string[]): void {
    // A line that is wrapped would be two, and the next drawing would begin too far down.
    const columns = Math.max(20, process.stderr.columns - 1);
    const up = this.lines === 0 ? '' : `\u001b[${String(this.lines)}A`;
    process.stderr.write(`${up}${lines.map((line) => `\r\u001b[K${line.slice(0, columns)}\n`).join('')}`);
    this.lines = lines.length;
  }
}

const quietMs = 5_000;

/** Where it is; how much of the log is done, how fast, and how long it will still take; what was proven, and until when. */
function lineOf(rebuild: Rebuild): string {
  const { projection, state, problem, percent, events_per_s: rate, seconds_left: left } = progressOf(rebuild);
  const name = `${projection}: ${rebuild.pausedAt === null ? '' : 'paused, '}${state.replace('_', ' ')}`;
  if (problem !== null) return `${name}. ${isDifferent(rebuild) ? 'The builds differ.' : problem}`;
  if (state !== 'replaying') return `${name}${moreOf(rebuild)}`;
  const filled = Math.round((percent / 100) * barWidth);
  const bar = `${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}`;
  const ending = left === null ? '' : `, ${String(left)} s left`;
  return `${name} [${bar}] ${String(percent)} %, ${rate.toLocaleString('en')} events/s${ending}`;
}

/** Then the rows say more than the sentence, and are told where somebody asks. */
function isDifferent({ problem, report }: Rebuild): boolean {
  return report !== null && problem === whatDiffers(report);
}

const barWidth = 24;

function moreOf({ state, request, report, graceUntil }: Rebuild): string {
  if (request === 'rollback' || request === 'retire') return '';
  if (state === 'ready' && report !== null) {
    const isWhole = report.tables.every(({ expected_applied: expected }) => expected.length === 0);
    return `, equal${isWhole ? '' : ' but for what was expected'} at position ${String(report.position)}`;
  }
  if (graceUntil === null || (state !== 'switched' && state !== 'rolled_back')) return '';
  return `; the ${state === 'switched' ? 'previous' : 'new'} build is kept until ${graceUntil.toISOString()}`;
}

/** Where it is, and what the rows are that stopped it. */
export function printStatus(rebuild: Rebuild): void {
  printLine(lineOf(rebuild));
  if (rebuild.report !== null && isDifferent(rebuild)) printDifferences(rebuild.report);
}

export function inJson(rebuild: Rebuild) {
  const { steps, ...progress } = progressOf(rebuild);
  return { ...progress, steps: { ...steps } };
}

/** The end of a command: what was proven and what can be done next, or the rows that differ, a sentence and an exit code. */
export function endWith(rebuilds: readonly Rebuild[], { json }: Printing): void {
  if (json !== true) for (const each of rebuilds) printEnd(each);
  const problems = rebuilds.flatMap(({ problem }) => problem ?? []);
  if (problems.length > 0) throw new CannotStart(problems.join('\n'));
}

function printEnd(rebuild: Rebuild): void {
  const { projection, state, report, problem } = rebuild;
  if (problem !== null) {
    if (report !== null && isDifferent(rebuild)) printDifferences(report);
  } else if (state === 'ready') {
    if (report !== null) printProof(projection, report);
    say(`Readers see it after: npm run -s chorus -- projections switch ${projection}`);
  } else if (state === 'switched') {
    if (report !== null) printProof(projection, report);
    say(`Readers see the new build. Back again: npm run -s chorus -- projections rollback ${projection}`);
  }
}

function printProof(projection: string, { position, tables }: Report): void {
  const proven = tables.map(({ table, rows_after: rows, expected_applied: expected }) => {
    const but = expected.length === 0 ? '' : ` but for ${expected.join(', ')}`;
    return `${table} (${rows.toLocaleString('en')} rows${but})`;
  });
  printLine(`${projection}: equal at position ${String(position)}: ${proven.join(', ')}.`);
}

export function planText(name: string, { events, bytes, seconds, disk_bytes: disk }: Plan): string {
  const amount = (value: number): string => value.toLocaleString('en');
  return `${name}: ${amount(events)} events (${amount(bytes)} bytes), about ${amount(seconds)} s, and ${amount(disk)} bytes of disk beside the live build.`;
}
