import type { RecordedEvent } from '../platform/event-store/event-store.js';
import { printLine } from './output.js';

/** One event on one line: for programs everything, for people what it is about. */
export function printEvent(recorded: RecordedEvent, json: boolean): void {
  const { position, stream, version, id, schemaVersion, metadata, recordedAt } = recorded;
  const { type, ...data } = recorded.event;
  if (!json) {
    printLine(
      [
        String(position).padStart(8),
        recordedAt.toISOString(),
        type,
        `${stream}@${String(version)}`,
        JSON.stringify(data),
      ].join('  '),
    );
    return;
  }
  // Positions stay below 2^53, so a JSON number holds them.
  const facts = { position: Number(position), stream, version, id, type, schema_version: schemaVersion };
  printLine(JSON.stringify({ ...facts, data, metadata, recorded_at: recordedAt }));
}

/** Events written by a newer program, or whose code is gone, are left out; whoever reads should know. */
export function unknownTypesSentence(unknown: ReadonlyMap<string, number>): string | undefined {
  if (unknown.size === 0) return undefined;
  const counts = [...unknown].map(([type, count]) => `${type} (${String(count)})`).join(', ');
  return `Left out, because this program does not know their types: ${counts}.`;
}
