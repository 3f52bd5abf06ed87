import { exportEvents, type ExportProgress } from '../platform/analysing/export.js';
import type { Format } from '../platform/analysing/export-manifest.js';
import type { Partition } from '../platform/analysing/partitioning.js';
import { eventFamilies } from '../app/events.js';
import type { Config } from '../platform/config/config.js';
import type { Printing } from './environment.js';
import { withLog } from './open-log.js';
import { printJson, printLine, say } from './output.js';
import { unknownTypesSentence } from './printed-event.js';
import { ProgressLine } from './progress-line.js';
import { programVersion } from './program-version.js';
import { selectionOf, type Selecting } from './selection-options.js';

export interface ExportingOrder extends Selecting, Printing {
  readonly to: string;
  readonly format: Format;
  readonly by: readonly Partition[];
  readonly append?: boolean;
  readonly memoryMb: number;
}

export async function exportLog(config: Config, order: ExportingOrder): Promise<void> {
  await withLog(config, async ({ store, codec }) => {
    const begun = performance.now();
    const line = new ProgressLine();
    const { to: folder, format, by, memoryMb, append = false } = order;
    const manifest = await exportEvents(
      { store, codec, families: eventFamilies, chorus: programVersion() },
      { folder, format, by, memoryMb, append, selection: selectionOf(codec, order) },
      (progress) => {
        line.show(() => progressText(progress, performance.now() - begun));
      },
    );
    line.end();
    const unknown = unknownTypesSentence(codec.unknownTypes);
    if (unknown !== undefined) say(unknown);
    const { files, events, position, left_out } = manifest;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    if (order.json === true) printJson({ folder, format, events, files: files.length, bytes, position, left_out });
    else printLine(summary(folder, { events, files: files.length, bytes, position }));
  });
}

function progressText({ position, upTo, events }: ExportProgress, ms: number): string {
  const share = upTo === 0n ? 1 : Number(position) / Number(upTo);
  const perSecond = Math.round((events / Math.max(ms, 1)) * 1_000);
  return `${String(Math.floor(share * 100)).padStart(3)} %  position ${position.toLocaleString('en')} of ${upTo.toLocaleString('en')}  ${events.toLocaleString('en')} events, ${perSecond.toLocaleString('en')} a second`;
}

interface Summary {
  readonly events: number;
  readonly files: number;
  readonly bytes: number;
  readonly position: number;
}

function summary(folder: string, { events, files, bytes, position }: Summary): string {
  const megabytes = (bytes / 1_048_576).toFixed(1);
  return `${folder}: ${events.toLocaleString('en')} events in ${files.toLocaleString('en')} ${files === 1 ? 'file' : 'files'} (${megabytes} MB), up to position ${String(position)}.`;
}
