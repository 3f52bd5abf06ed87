import { eventFamilies, upcasts } from '../../app/events.js';
import type { Config } from '../../platform/config/config.js';
import { EventCodec } from '../../platform/event-store/event-codec.js';
import { InMemoryEventStore } from '../../platform/event-store/in-memory.event-store.js';
import { ReadModels } from '../../platform/projecting/read-models.js';
import { withLog, type OpenLog } from '../open-log.js';
import { HistoryAppender } from './append-history.js';
import { compareJourneys } from './compare-journeys.js';
import { JourneyImport, type ImportProgress } from './import-journeys.js';
import { LegacyFile } from './legacy-file.js';
import { conclude, type Concluding, type LegacyReport } from './legacy-report.js';
import { RowsHere } from './rows-here.js';
import { StageProgress } from './stage-progress.js';
import { withReadModels, type ReadModelsHere } from './read-models-here.js';

interface Importing extends Concluding {
  readonly dryRun: boolean;
  readonly verify: boolean;
}

export async function importLegacyJourneys(config: Config, path: string, options: Importing): Promise<void> {
  using file = LegacyFile.open(path);
  if (options.dryRun) {
    conclude(config, await tryImport(file), options);
    return;
  }
  await withLog(config, async (log) => {
    conclude(config, await importJourneys(log, file, options), options);
  });
}

export async function verifyLegacyJourneys(config: Config, path: string, options: Concluding): Promise<void> {
  using file = LegacyFile.open(path);
  await withLog(config, async (log) => {
    conclude(config, await verifyJourneys(log, file), options);
  });
}

/** Reads and checks everything; needs no database. */
async function tryImport(file: LegacyFile): Promise<LegacyReport> {
  const stages = new Stages();
  const codec = new EventCodec(eventFamilies, upcasts);
  const read = await importing(file, new HistoryAppender(new InMemoryEventStore(codec), codec), {
    dryRun: true,
    stages,
  });
  return { ...headOf(file), dry_run: true, imported: read.counted, ...outcomeOf(read, stages) };
}

export async function importJourneys(
  log: OpenLog,
  file: LegacyFile,
  { verify }: Pick<Importing, 'verify'>,
): Promise<LegacyReport> {
  const stages = new Stages();
  const head = headOf(file);
  const appender = new HistoryAppender(log.store, log.codec);
  if (!verify) {
    const done = await importing(file, appender, { dryRun: false, stages });
    return { ...head, imported: done.counted, ...outcomeOf(done, stages) };
  }
  // From the start: what is appended meanwhile needn't be read again.
  return withReadModels(log, async (readModels) => {
    const done = await importing(file, appender, { dryRun: false, stages, meanwhile: () => readModels.keptUp() });
    const comparison = await comparing({ log, readModels, file }, done, stages);
    return { ...head, imported: done.counted, ...outcomeOf(done, stages), comparison };
  });
}

export async function verifyJourneys(log: OpenLog, file: LegacyFile): Promise<LegacyReport> {
  const stages = new Stages();
  const head = headOf(file);
  return withReadModels(log, async (readModels) => {
    // What could not be imported then cannot be imported now: the same rows are looked at in the same way.
    const read = await importing(file, new HistoryAppender(log.store, log.codec), { dryRun: true, stages });
    const comparison = await comparing({ log, readModels, file }, read, stages);
    return { ...head, ...outcomeOf(read, stages), comparison };
  });
}

function headOf({ path }: LegacyFile) {
  return { file: path, at: new Date().toISOString(), dry_run: false };
}

async function importing(file: LegacyFile, appender: HistoryAppender, order: ImportOrder): Promise<JourneyImport> {
  const { dryRun, stages, meanwhile = () => Promise.resolve() } = order;
  const progress = new StageProgress(dryRun ? 'Checking' : 'Importing', 'sessions');
  const onPage = ({ sessions, sessionsTotal }: ImportProgress): Promise<void> => {
    progress.show(sessions, sessionsTotal);
    return meanwhile();
  };
  const done = new JourneyImport(file, appender, { dryRun, onPage });
  await stages.run('import', () => done.run());
  return done;
}

interface ImportOrder {
  readonly dryRun: boolean;
  readonly stages: Stages;
  readonly meanwhile?: () => Promise<void>;
}

interface Comparing {
  readonly log: OpenLog;
  readonly readModels: ReadModelsHere;
  readonly file: LegacyFile;
}

async function comparing(
  { log, readModels, file }: Comparing,
  { findings }: JourneyImport,
  stages: Stages,
): Promise<NonNullable<LegacyReport['comparison']>> {
  const following = new StageProgress('Building the read models', 'positions');
  const caughtUp = () =>
    readModels.caughtUp(({ position, head }) => {
      following.show(position, head);
    });
  await stages.run('read_models', caughtUp);
  const progress = new StageProgress('Comparing', 'journeys');
  const here = { rows: new RowsHere(new ReadModels(log.database)), store: log.store };
  const tables = await stages.run('comparison', () =>
    compareJourneys(file, here, {
      leftOut: findings.leftOut,
      caughtUp,
      onProgress: ({ journeys, journeysTotal }) => {
        progress.show(journeys, journeysTotal);
      },
    }),
  );
  return { clean: tables.every(({ failuresTotal }) => failuresTotal === 0), tables };
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
