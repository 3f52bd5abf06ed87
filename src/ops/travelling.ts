import { projections } from '../../projections/registry.js';
import { CannotStart } from '../platform/config/cannot-start.js';
import type { Config } from '../platform/config/config.js';
import { FoldTooLarge, TravelRefused } from '../platform/time-travel/refused.js';
import { TimeTravel, type Travel } from '../platform/time-travel/time-travel.js';
import { foldProgress } from './fold-progress.js';
import { mayGoOn } from './go-on.js';
import { withLog } from './open-log.js';
import { say } from './output.js';

export interface Permission {
  readonly yes?: boolean;
}

type How = Omit<Travel, 'model'>;
/** Answers with what to print, so that nothing is printed before all of it is known and the scratch builds are gone. */
type Journey = (time: TimeTravel, how: How) => Promise<() => void>;

/** More is asked about: it takes a quarter of a minute or so. */
const positionsUnaskedMax = 1_000_000;
/** What a shell makes of Ctrl-C. */
const interrupted = 130;

/** Ctrl-C ends the fold at its next page, and everything that was made for it is dropped before the command ends. */
export async function travelling(config: Config, { yes }: Permission, journey: Journey): Promise<void> {
  const stopped = new AbortController();
  const stop = (): void => {
    say('Stopping, and dropping what was made for it.');
    stopped.abort(new Interrupted());
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  try {
    await withLog(config, async ({ database, store, codec }) => {
      const time = new TimeTravel({ database, store, codec, projections });
      const print = await withinBounds(time, stopped.signal, yes, journey);
      print?.();
    });
  } catch (error) {
    if (error instanceof TravelRefused) throw new CannotStart(error.message);
    if (!(error instanceof Interrupted)) throw error;
    process.exitCode = interrupted;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
  }
}

class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

async function withinBounds(
  time: TimeTravel,
  signal: AbortSignal,
  yes: boolean | undefined,
  journey: Journey,
): Promise<(() => void) | undefined> {
  const how = { signal, onProgress: foldProgress() };
  if (yes === true) return journey(time, how);
  try {
    return await journey(time, { ...how, positionsMax: positionsUnaskedMax });
  } catch (error) {
    if (!(error instanceof FoldTooLarge)) throw error;
    say(error.message);
    return (await mayGoOn(yes)) ? journey(time, how) : undefined;
  }
}
