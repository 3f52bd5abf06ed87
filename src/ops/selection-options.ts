import { InvalidArgumentError, type Command } from 'commander';
import type { EventCodec } from '../platform/event-store/event-codec.js';
import { CannotStart } from '../platform/config/cannot-start.js';
import type { Selection } from '../platform/analysing/selection.js';
import { listed, position, positiveInteger } from './arguments.js';

/** The same words for which events, wherever a command takes many of them. */
export interface Selecting {
  readonly stream?: string;
  readonly type?: readonly string[];
  readonly category?: readonly string[];
  readonly from?: Date;
  readonly until?: Date;
  readonly after?: bigint;
  readonly upTo?: bigint;
  readonly limit?: number;
}

export function withSelection(command: Command): Command {
  return command
    .option('--stream <stream>', 'only this stream, such as prompt-oseh_ip_…')
    .option('--type <types>', 'only these types', listed)
    .option('--category <categories>', 'only streams of these categories', listed)
    .option('--from <time>', 'only what was recorded then or later, such as 2026-03-01 or 2026-03-01T12:00:00Z', time)
    .option('--until <time>', 'only what was recorded before then', time)
    .option('--after <position>', 'begin after this position', position)
    .option('--up-to <position>', 'end at this position', position)
    .option('--limit <count>', 'stop after so many events', positiveInteger);
}

/** A typing error would look like a log in which nothing happened. */
export function selectionOf(codec: EventCodec, selecting: Selecting): Selection {
  const { stream, type: types, category: categories, from, until: to, after, upTo, limit } = selecting;
  const unknown = types?.filter((type) => !codec.types.includes(type)) ?? [];
  if (unknown.length > 0) {
    throw new CannotStart(
      `There are no events of type ${unknown.join(', ')}. There are: ${codec.types.toSorted().join(', ')}.`,
    );
  }
  return { stream, types, categories, from, to, after, upTo, limit };
}

function time(text: string): Date {
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text);
  const isInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const at = new Date(text);
  if ((isDay || isInstant) && !Number.isNaN(at.getTime())) return at;
  throw new InvalidArgumentError('It must be a day, or a time with its zone such as 2026-03-01T12:00:00Z.');
}
