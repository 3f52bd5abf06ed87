import { Command } from 'commander';

/**
 * What every benchmark and every chaos run has in common: a name, numbers that can be set, a bound in time, and a stage that
 * takes down whatever was put up, however the run ends.
 */
export interface Run<Option extends string = string> {
  readonly name: string;
  readonly describe: string;
  /** Numbers that can be set on the command line: `{ rounds: { default: 3, describe: '…' } }` is `--rounds 3`. */
  readonly options: Readonly<Record<Option, RunOption>>;
  /** After this many seconds, given the options, the run is stopped and has failed. */
  secondsMax(given: Readonly<Record<Option, number>>): number;
  readonly targets?: readonly Target[];
  run(given: Readonly<Record<Option, number>>, stage: Stage): Promise<Fields>;
}

interface RunOption {
  readonly default: number;
  readonly describe: string;
  /** On or off, 1 or 0: `--live` without a number. */
  readonly isFlag?: true;
}

/** What a field must be. A missed target is shown; it fails the run only where `mustHold` says so. */
export interface Target {
  readonly field: string;
  readonly is: (value: Field) => boolean;
  readonly says: string;
  readonly mustHold: boolean;
}

export type Field = number | string | boolean | null | readonly Field[] | Fields;
export interface Fields {
  readonly [name: string]: Field;
}

/** What a run may use of the process it runs in. */
export interface Stage {
  /** Aborts on Ctrl-C, when the time is up, and when the run is over. */
  readonly signal: AbortSignal;
  /** A line for whoever watches; it goes to standard error. */
  say(line: string): void;
  /** Done when the run is over, in reverse order, also after a failure. */
  afterwards(takeDown: () => Promise<unknown>): void;
}

class RunStopped extends Error {
  override readonly name = 'RunStopped';
}

export function atLeast(field: string, least: number): Target {
  return {
    field,
    says: `>= ${String(least)}`,
    mustHold: false,
    is: (value) => typeof value === 'number' && value >= least,
  };
}

export function atMost(field: string, most: number): Target {
  return {
    field,
    says: `<= ${String(most)}`,
    mustHold: false,
    is: (value) => typeof value === 'number' && value <= most,
  };
}

export function zero(field: string): Target {
  return { field, says: '0', mustHold: true, is: (value) => value === 0 };
}

/** Puts a run on its own stage, and takes the stage down again. */
async function perform<Option extends string>(
  run: Run<Option>,
  given: Readonly<Record<Option, number>>,
  watch: { readonly interrupted?: AbortSignal; readonly say?: (line: string) => void } = {},
): Promise<Fields> {
  const over = new AbortController();
  const seconds = run.secondsMax(given);
  const signal = AbortSignal.any([over.signal, ...(watch.interrupted === undefined ? [] : [watch.interrupted])]);
  const timer = setTimeout(() => {
    over.abort(new RunStopped(`${run.name} was not done after ${String(seconds)} s.`));
  }, seconds * 1000);
  const stage = new AsyncDisposableStack();
  const stopped = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason instanceof Error ? signal.reason : new RunStopped(`${run.name} was stopped.`));
    });
  });
  try {
    const outcome = run.run(given, {
      signal,
      say: watch.say ?? (() => undefined),
      afterwards: (takeDown) => {
        // Something that was still being put up when the run was stopped.
        if (stage.disposed) {
          void takeDown();
          return;
        }
        stage.defer(async () => {
          await takeDown();
        });
      },
    });
    return await Promise.race([outcome, stopped]);
  } finally {
    clearTimeout(timer);
    stopped.catch(() => undefined);
    over.abort();
    await stage.disposeAsync();
  }
}

/** Makes a program of a list of runs: `program <name> [--option n] [--json]`. */
export async function runNamed(program: { name: string; describe: string }, runs: readonly Run[]): Promise<void> {
  const cli = new Command(program.name).description(program.describe).showHelpAfterError();
  for (const run of runs) {
    const command = cli
      .command(run.name)
      .description(run.describe)
      .option('--json', 'print one JSON object and nothing else');
    for (const [option, { default: value, describe, isFlag }] of Object.entries(run.options)) {
      command.option(isFlag === true ? `--${option}` : `--${option} <number>`, describe, String(value));
    }
    command.action(async (flags: Readonly<Record<string, unknown>>) => {
      process.exitCode = await runAndReport(run, flags);
    });
  }
  await cli.parseAsync();
}

async function runAndReport(run: Run, flags: Readonly<Record<string, unknown>>): Promise<number> {
  const given = Object.fromEntries(Object.keys(run.options).map((option) => [option, Number(flags[option])]));
  const wrong = Object.entries(given).find(([, value]) => !Number.isFinite(value));
  if (wrong !== undefined) {
    process.stderr.write(`--${wrong[0]} must be a number.\n`);
    return 2;
  }
  const interrupted = new AbortController();
  const interrupt = (): void => {
    interrupted.abort(new RunStopped(`${run.name} was interrupted.`));
  };
  // A failure that nobody awaits must not end the process before everything was taken down.
  const fail = (reason: unknown): void => {
    interrupted.abort(reason instanceof Error ? reason : new Error(`${run.name} failed: ${String(reason)}`));
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  process.on('uncaughtException', fail).on('unhandledRejection', fail);
  try {
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    const fields = await perform(run, given, { interrupted: interrupted.signal, say });
    process.stdout.write(flags['json'] === true ? `${JSON.stringify(fields)}\n` : table(run, fields));
    const broken = (run.targets ?? []).some(({ field, is, mustHold }) => mustHold && !is(fields[field] ?? null));
    return broken ? 1 : 0;
  } catch (error) {
    if (!(error instanceof RunStopped)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    process.off('uncaughtException', fail).off('unhandledRejection', fail);
  }
}

function table(run: Run, fields: Fields): string {
  const rows = Object.entries(fields).map(([field, value]) => {
    const target = run.targets?.find((candidate) => candidate.field === field);
    const verdict = target === undefined ? '' : `target ${target.says}: ${target.is(value) ? 'reached' : 'MISSED'}`;
    return { field, verdict, ...shown(value) };
  });
  const width = Math.max(...rows.map(({ field }) => field.length));
  const valueWidth = Math.max(...rows.map(({ value }) => value.length));
  const lines = rows.flatMap(({ field, value, verdict, below }) => [
    `${field.padEnd(width)}  ${value.padStart(valueWidth)}  ${verdict}`.trimEnd(),
    ...below.map((line) => `  ${line}`),
  ]);
  return `${run.describe}\n\n${lines.join('\n')}\n`;
}

/** What has parts shows how many, and lists them below. */
function shown(value: Field): { readonly value: string; readonly below: readonly string[] } {
  if (typeof value === 'number') {
    return { value: value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 3 : 1 }), below: [] };
  }
  if (typeof value !== 'object' || value === null) return { value: String(value), below: [] };
  const parts = isList(value)
    ? value.map((part) => shown(part).value)
    : Object.entries(value).map(([name, part]) => `${name}: ${shown(part).value}`);
  return { value: String(parts.length), below: parts };
}

/** `Array.isArray` doesn't know read-only arrays. */
function isList(value: readonly Field[] | Fields): value is readonly Field[] {
  return Array.isArray(value);
}
