import { CannotStart } from '../platform/config/cannot-start.js';
import { readConfig, type Config } from '../platform/config/config.js';
import { createLog, type Log } from '../platform/telemetry/log.js';
import type { Program } from './program.js';
import { welcome } from './welcome.js';

/** A terminal tells npm and the program of one Ctrl-C, and some versions of npm tell the program again. */
const sameWishMs = 500;

/**
 * The life of the process: starts the program, says where it is, and stops it when asked.
 *
 * *starting* -> *running* -> (first signal) *draining* -> ended, with exit code 0. A signal while starting is kept until the
 * start is through. A second signal, or a drain that takes longer than SHUTDOWN_MS_MAX, ends the process at once with code 1:
 * what was answered is committed, so nothing is lost by it.
 */
export async function run(environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  const config = configOrExit(environment);
  const log = createLog({ level: config.LOG_LEVEL });
  endOnBugs(log);
  const stopAsked = onStopSignal(log);
  const program = await startOrExit(config, log);
  process.stdout.write(welcome(program, config));
  const signal = await stopAsked;
  log.info({ signal }, 'stopping');
  setTimeout(() => end(log, 'stop took too long; ended by force'), config.SHUTDOWN_MS_MAX).unref();
  await program.stop();
  log.flush();
}

function configOrExit(environment: Readonly<Record<string, string | undefined>>): Config {
  try {
    return readConfig(environment);
  } catch (error) {
    return exitWithSentence(error);
  }
}

async function startOrExit(config: Config, log: Log): Promise<Program> {
  try {
    // Loaded only now: a wrong variable is told at once.
    const { startProgram } = await import('./program.js');
    return await startProgram(config, log);
  } catch (error) {
    return exitWithSentence(error);
  }
}

/** Whatever a person can put right is told in one sentence; anything else is a bug and keeps its stack. */
function exitWithSentence(error: unknown): never {
  if (!(error instanceof CannotStart)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

function onStopSignal(log: Log): Promise<NodeJS.Signals> {
  return new Promise((asked) => {
    let askedAtMs: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      const nowMs = performance.now();
      if (askedAtMs !== undefined && nowMs - askedAtMs > sameWishMs) end(log, 'second signal; ended by force');
      askedAtMs ??= nowMs;
      asked(signal);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}

function endOnBugs(log: Log): void {
  process.on('uncaughtException', (err) => end(log, 'uncaught exception', err));
  process.on('unhandledRejection', (reason) => end(log, 'unhandled rejection', reason));
}

/** The log writes behind; the process waits for its last line, but not long. */
function end(log: Log, why: string, err?: unknown): void {
  log.fatal(err === undefined ? {} : { err }, why);
  log.flush(() => process.exit(1));
  setTimeout(() => process.exit(1), 500);
}
