import { CannotStart } from '../platform/config/cannot-start.js';
import type { Plan, Rebuild } from '../platform/rebuilding/rebuild.js';
import { progressOf } from '../platform/rebuilding/rebuild-progress.js';
import type { Printing } from './environment.js';
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
    else if (isTerminal) this.draw(rebuilds.map(lineOf));
    else for (const each of rebuilds) say(lineOf(each));
  };

  private draw(lines: readonly string[]): void {
    const up = this.lines === 0 ? '' : `\u001b[${String(this.lines)}A`;
    process.stderr.write(`${up}${lines.map((line) => `\r\u001b[K${line}\n`).join('')}`);
    this.lines = lines.length;
  }
}

const quietMs = 5_000;

/** Where it is, how much of the log is done, how fast, and how long it will still take. */
export function lineOf(rebuild: Rebuild): string {
  const { projection, state, problem, percent, events_per_s: rate, seconds_left: left } = progressOf(rebuild);
  const name = `${projection}: ${rebuild.pausedAt === null ? '' : 'paused, '}${state.replace('_', ' ')}`;
  if (problem !== null) return `${name}. ${problem}`;
  if (state !== 'replaying') return name;
  const filled = Math.round((percent / 100) * barWidth);
  const bar = `${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}`;
  const ending = left === null ? '' : `, ${String(left)} s left`;
  return `${name} [${bar}] ${String(percent)} %, ${rate.toLocaleString('en')} events/s${ending}`;
}

const barWidth = 24;

export function inJson(rebuild: Rebuild) {
  const { steps, ...progress } = progressOf(rebuild);
  return { ...progress, steps: { ...steps } };
}

/** The end of a command: what was proven, and a sentence and an exit code where something stopped. */
export function endWith(rebuilds: readonly Rebuild[], { json }: Printing): void {
  for (const each of rebuilds) if (json !== true && each.problem === null) printProof(each);
  const problems = rebuilds.flatMap(({ problem }) => problem ?? []);
  if (problems.length > 0) throw new CannotStart(problems.join('\n'));
}

function printProof({ projection, report }: Rebuild): void {
  if (report === null) return;
  const tables = report.tables.map(({ table, rows_after: rows, expected_applied: expected }) => {
    const but = expected.length === 0 ? '' : ` but for ${expected.join(', ')}`;
    return `${table} (${rows.toLocaleString('en')} rows${but})`;
  });
  printLine(`${projection}: equal at position ${String(report.position)}: ${tables.join(', ')}.`);
}

export function planText(name: string, { events, bytes, seconds, disk_bytes: disk }: Plan): string {
  const amount = (value: number): string => value.toLocaleString('en');
  return `${name}: ${amount(events)} events (${amount(bytes)} bytes), about ${amount(seconds)} s, and ${amount(disk)} bytes of disk beside the live build.`;
}
