import { eventColumns } from './duck.js';
import type { EventRecord } from './event-record.js';

export const csvHeader = `${Object.keys(eventColumns).join(',')}\n`;

/** As RFC 4180 has it. `data` and `metadata` are JSON in one field each. */
export function csvLineOf(record: EventRecord): string {
  const { position, stream, category, version, id, type, schema_version, recorded_at, data, metadata } = record;
  const texts = [quoted(stream), quoted(category), version, id, quoted(type), schema_version];
  const json = [quoted(JSON.stringify(data)), quoted(JSON.stringify(metadata))];
  return `${[position, ...texts, recorded_at.toISOString(), ...json].join(',')}\n`;
}

/** An empty text is quoted, so that it differs from nothing. */
export function quoted(text: string): string {
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
