import { eventFamilies, upcasts } from '../../app/domain.js';
import type { Config } from '../../platform/config/config.js';
import { EventCodec } from '../../platform/event-store/event-codec.js';
import { InMemoryEventStore } from '../../platform/event-store/in-memory.event-store.js';
import { ReadModels } from '../../platform/projecting/read-models.js';
import { withLog, type OpenLog } from '../open-log.js';
import { HistoryAppender } from './append-history.js';
import { compareJourneys } from './compare-journeys.js';
import { JourneyImport } from './import-journeys.js';
import { LegacyFile } from './legacy-file.js';
import { conclude, type Concluding, type LegacyReport } from './legacy-report.js';
import { progressLine } from './progress-line.js';
import { RowsHere } from './rows-here.js';
import { caughtUp, withReadModels } from './read-models-here.js';

interface Importing extends Concluding {
  readonly dryRun: boolean;
  readonly verify: boolean;
}

export async function importLegacyJourneys(config: Config, path: string, options: Importing): Promise<void> {
  using file = LegacyFile.open(path);
  const stages = new Stages();
  const report = { file: path, at: new Date().toISOString(), dry_run: options.dryRun };
  if (options.dryRun) {
    const codec = new EventCodec(eventFamilies, upcasts);
    const read = await importing(file, new HistoryAppender(new InMemoryEventStore(codec), codec), true, stages);
    conclude(config, { ...report, ...outcomeOf(read, stages), imported: read.counted }, options);
    return;
  }
  await withLog(config, async (log) => {
    const done = await importing(file, new HistoryAppender(log.store, log.codec), false, stages);
    const comparison = options.verify ? await comparing(log, file, done, stages) : undefined;
    const outcome = { ...report, ...outcomeOf(done, stages), imported: done.counted };
    conclude(config, comparison === undefined ? outcome : { ...outcome, comparison }, options);
  });
}

export async function verifyLegacyJourneys(config: Config, path: string, options: Concluding): Promise<void> {
  using file = LegacyFile.open(path);
  const stages = new Stages();
  const at = new Date().toISOString();
  await withLog(config, async (log) => {
    // What could not be imported then cannot be imported now: the same rows are looked at in the same way.
    const read = await importing(file, new HistoryAppender(log.store, log.codec), true, stages);
    const comparison = await comparing(log, file, read, stages);
    conclude(config, { file: path, at, dry_run: false, ...outcomeOf(read, stages), comparison }, options);
  });
}

async function importing(
  file: LegacyFile,
  appender: HistoryAppender,
  dryRun: boolean,
  stages: Stages,
): Promise<JourneyImport> {
  return stages.run('import', async () => {
    const show = progressLine(dryRun ? 'Checking' : 'Importing', 'sessions');
    const onProgress = ({ sessions, sessionsTotal, events }: Progress): void => {
      show(sessions, sessionsTotal, `${events.toLocaleString('en')} events`);
    };
    const done = new JourneyImport(file, appender, { dryRun, onProgress });
    await done.run();
    return done;
  });
}

interface Progress {
  readonly sessions: number;
  readonly sessionsTotal: number;
  readonly events: number;
}

async function comparing(
  log: OpenLog,
  file: LegacyFile,
  { findings }: JourneyImport,
  stages: Stages,
): Promise<NonNullable<LegacyReport['comparison']>> {
  return withReadModels(log, async () => {
    const following = progressLine('Building the read models', 'positions');
    const waiting = () =>
      caughtUp(log, ({ position, head }) => {
        following(position, head);
      });
    await stages.run('read_models', waiting);
    const show = progressLine('Comparing', 'journeys');
    const here = { rows: new RowsHere(new ReadModels(log.database)), store: log.store };
    const tables = await stages.run('comparison', () =>
      compareJourneys(file, here, {
        leftOut: findings.leftOut,
        caughtUp: waiting,
        onProgress: ({ journeys, journeysTotal }) => {
          show(journeys, journeysTotal);
        },
      }),
    );
    return { clean: tables.every(({ failuresTotal }) => failuresTotal === 0), tables };
  });
}

function outcomeOf({ findings }: JourneyImport, { seconds }: Stages) {
  return { seconds, oddities: findings.list(), left_out: findings.leftOut };
}

/** How long each part took. */
class Stages {
  readonly seconds: Record<string, number> = {};

  async run<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const since = performance.now();
    try {
      return await work();
    } finally {
      this.seconds[name] = Math.round(performance.now() - since) / 1_000;
    }
  }
}
