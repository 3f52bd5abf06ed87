import { CannotStart } from '../platform/config/cannot-start.js';
import type { Config } from '../platform/config/config.js';
import { createLog } from '../platform/telemetry/log.js';

export interface DemoProgram {
  readonly url: string;
  readonly isOurs: boolean;
  stop(): Promise<void>;
}

const askMsMax = 3_000;

/** The one that is asked for, else the one that already runs here, else one that this command starts and stops. */
export async function demoProgram(config: Config, url: string | undefined): Promise<DemoProgram> {
  const here = url ?? `http://${config.HOST}:${String(config.PORT)}`;
  if (await answers(here)) return { url: here, isOurs: false, stop: () => Promise.resolve() };
  if (url !== undefined) throw new CannotStart(`No program answers at ${url}.`);
  const { startProgram } = await import('../app/program.js');
  // Whatever the program has to say would stand between the phases, which are data.
  const program = await startProgram(config, createLog({ level: 'silent' }));
  return { url: program.url, isOurs: true, stop: () => program.stop() };
}

async function answers(url: string): Promise<boolean> {
  try {
    const { ok } = await fetch(new URL('/health/live', url), { signal: AbortSignal.timeout(askMsMax) });
    return ok;
  } catch (error) {
    if (error instanceof TypeError || error instanceof DOMException) return false;
    throw error;
  }
}
