import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { EventFamily, JsonObject } from '../../src/kernel/event-family.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import type { RecordedEvent, StoredEvent } from '../../src/platform/event-store/event-store.js';
import type { EventVersion, Lifted, Upcast } from '../../src/kernel/upcast.js';

/** What today's program makes of every event that was ever written, held against the files of this folder. */

const Data = z.record(z.string(), z.json());
const GoldenFile = z.strictObject({
  /** Where and what is stored. */
  stream: z.string(),
  data: Data,
  /** What readers get. Only, and always, for a version that is no longer written. */
  today: z.strictObject({ stream: z.string().optional(), event: z.looseObject({ type: z.string() }) }).optional(),
});
const GoldenStream = GoldenFile.pick({ stream: true }).loose();
type GoldenFile = z.infer<typeof GoldenFile>;

/** `<Type>.v<version>.json`, or `<Type>.v<version>.<case>.json` where one example doesn't show everything. */
const fileName = /^(?<type>[A-Za-z]+)\.v(?<version>[1-9]\d*)(\.[a-z0-9-]+)?\.json$/;

/** Every way in which the program and the files disagree, as sentences; empty if there is none. */
export function disagreements(
  families: readonly EventFamily[],
  upcasts: readonly Upcast[],
  files: ReadonlyMap<string, string>,
): string[] {
  const taken = new Set<string>();
  const codec = new EventCodec(
    families,
    upcasts.map((upcast) => witnessed(upcast, taken)),
  );
  const covered = new Set<string>();
  const found = [...files].flatMap(([name, content]) => {
    const { type, version } = fileName.exec(name)?.groups ?? {};
    if (type === undefined || version === undefined) return [`${name} is not named <Type>.v<version>.json.`];
    covered.add(named({ type, schemaVersion: Number(version) }));
    const problem = problemOf({ type, schemaVersion: Number(version) }, content, codec);
    return problem === undefined ? [] : [`${name} ${problem}.`];
  });
  const missing = codec.readable
    .map(named)
    .filter((name) => !covered.has(name))
    .map((name) => `${name}.json is missing: show what such an event looks like.`);
  const untaken = upcasts
    .flatMap((upcast) => upcast.into.map((into) => path(upcast, into)))
    .filter((way) => !taken.has(way))
    .map((way) => `No file shows the upcast ${way}.`);
  return [...found, ...missing, ...untaken, ...unusedRenames(upcasts, files)];
}

/** A file in another stream goes through the lift all the same, and would say nothing of the name. */
function unusedRenames(upcasts: readonly Upcast[], files: ReadonlyMap<string, string>): string[] {
  const streams = [...files.values()].map((content) => GoldenStream.safeParse(JSON.parse(content)).data?.stream ?? '');
  const renames = new Map(
    upcasts.flatMap(({ streams }) => (streams === undefined ? [] : [[streams.from, streams.to]])),
  );
  return [...renames]
    .filter(([from]) => !streams.some((stream) => stream.startsWith(from)))
    .map(([from, to]) => `No file shows that streams ${from} are called ${to} now.`);
}

function problemOf(version: EventVersion, content: string, codec: EventCodec): string | undefined {
  const golden = GoldenFile.parse(JSON.parse(content));
  try {
    const read = codec.decode(stored(version, golden));
    if (read === undefined) return 'is of an event that the program cannot read any more';
    return isCurrent(version, codec) ? asWritten(golden, read, codec) : asLifted(golden, read);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `cannot be read any more: ${error.message.replace(/\.$/, '')}`;
  }
}

function isCurrent({ type, schemaVersion }: EventVersion, codec: EventCodec): boolean {
  return (
    codec.types.includes(type) &&
    !codec.readable.some((later) => later.type === type && later.schemaVersion > schemaVersion)
  );
}

/** Reading a current version does not look at its schema, so a schema that was changed without a new version shows only here. */
function asWritten(golden: GoldenFile, { event }: RecordedEvent, codec: EventCodec): string | undefined {
  if (golden.today !== undefined) return 'is of a version that is written today, so it needs no `today`';
  const { data } = codec.encode(event);
  return isDeepStrictEqual(data, golden.data) ? undefined : 'would be written differently today';
}

function asLifted({ today, stream }: GoldenFile, read: RecordedEvent): string | undefined {
  if (today === undefined) return `does not say what becomes of it today. It is ${JSON.stringify(read.event)}`;
  if ((today.stream ?? stream) !== read.stream) return `is read in stream ${read.stream}`;
  return isDeepStrictEqual(read.event, today.event) ? undefined : `is read as ${JSON.stringify(read.event)}`;
}

function stored({ type, schemaVersion }: EventVersion, { stream, data }: GoldenFile): StoredEvent {
  const written: JsonObject = data;
  return {
    position: 1n,
    stream,
    version: 1,
    id: '01980000-0000-7000-8000-000000000000',
    type,
    schemaVersion,
    data: written,
    metadata: { correlationId: 'golden' },
    recordedAt: new Date(0),
  };
}

function witnessed(upcast: Upcast, taken: Set<string>): Upcast {
  const lift = (event: Parameters<Upcast['lift']>[0]): Lifted => {
    const lifted = upcast.lift(event);
    taken.add(path(upcast, lifted));
    return lifted;
  };
  return { ...upcast, lift };
}

const named = ({ type, schemaVersion }: EventVersion): string => `${type}.v${String(schemaVersion)}`;
const path = ({ type, version }: Upcast, into: EventVersion): string =>
  `${named({ type, schemaVersion: version })} -> ${named(into)}`;
