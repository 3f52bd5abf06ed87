import type { EventFamily, EventSchema, JsonObject } from '../../kernel/event-family.js';
import type { EventVersion, Lifted, Upcast } from '../../kernel/upcast.js';
import type { DomainEvent, PastEvent, RecordedEvent, StoredEvent } from './event-store.js';
import { StreamNames } from './stream-names.js';
import { isJsonObject, Upcasts, type Step } from './upcasts.js';

/**
 * Between events as the domain sees them and events as they are stored. Every adapter writes and reads through it, so
 * deciders, projections, relays and exports all see today's events, whatever version is in the log.
 *
 * Writing validates, once per event. Reading a current version does not: it was validated when it was written, and reading
 * is what happens a million times. Data that was lifted is validated, because its lift was written later than its schema.
 */
export class EventCodec {
  private readonly history: Upcasts;
  private readonly streams: StreamNames;
  private readonly currentVersions: ReadonlyMap<string, number>;
  private readonly unknown = new Map<string, number>();

  constructor(families: readonly EventFamily[], upcasts: readonly Upcast[] = []) {
    this.history = new Upcasts(families, upcasts);
    const renames = upcasts.map(({ streams }) => streams).filter((streams) => streams !== undefined);
    this.streams = new StreamNames([
      ...new Map(renames.map((rename) => [`${rename.from} ${rename.to}`, rename])).values(),
    ]);
    this.currentVersions = new Map(
      families.flatMap((family) => Object.entries(family).map(([type, schema]) => [type, schema.version] as const)),
    );
  }

  get types(): readonly string[] {
    return this.history.types;
  }

  /** How often events were skipped that this program does not know, by `Type` or, when only the version is new, `Type v3`. */
  get unknownTypes(): ReadonlyMap<string, number> {
    return this.unknown;
  }

  /** Every type and version that can be read, current and past. */
  get readable(): readonly EventVersion[] {
    return this.history.readable();
  }

  /** What a filter for today's types must look for in storage. */
  storedTypes(types: readonly string[]): string[] {
    return this.history.storedTypes(types);
  }

  /** What a filter for streams of today's categories must look for in storage. */
  storedCategories(categories: readonly string[]): readonly string[] {
    return this.streams.storedCategories(categories);
  }

  /** Today's name of a stream that is stored, or asked for, by any of its names. */
  streamNow(stream: string): string {
    return this.streams.now(stream);
  }

  /** The names that a stream of today may be stored by besides its own. */
  streamsBefore(stream: string): readonly string[] {
    return this.streams.before(stream);
  }

  /** How an event that is stored as it is will be read. Throws EventInvalid if it couldn't be, so that it is never stored. */
  adopt(past: PastEvent, stream: string): Lifted {
    const { type, schemaVersion } = past;
    if (this.currentVersions.get(type) === schemaVersion) {
      return { type, schemaVersion, data: this.encode({ ...past.data, type }).data };
    }
    if (this.history.stepFrom(type, schemaVersion) === undefined) {
      throw new EventInvalid(type, `nothing says how version ${String(schemaVersion)} is read`);
    }
    try {
      return this.lifted({ ...nowhere, ...past, stream });
    } catch (error) {
      if (!(error instanceof EventUnreadable)) throw error;
      throw new EventInvalid(type, error.why);
    }
  }

  encode(event: DomainEvent): { type: string; schemaVersion: number; data: JsonObject } {
    const { type, ...data } = event;
    const schema = this.history.schemaOf(type);
    if (schema === undefined) throw new EventInvalid(type, 'no family declares it');
    return { type, schemaVersion: schema.version, data: validated(type, schema, data) };
  }

  /** Undefined for what this program does not know: a newer program writes to the same log while this one is replaced. */
  decode(stored: StoredEvent): RecordedEvent | undefined {
    const { type, schemaVersion } = stored;
    if (this.currentVersions.get(type) === schemaVersion) {
      return this.recorded(stored, { type, schemaVersion, data: objectOf(stored) });
    }
    if (this.history.stepFrom(type, schemaVersion) === undefined) {
      const name = this.currentVersions.has(type) ? `${type} v${String(schemaVersion)}` : type;
      this.unknown.set(name, (this.unknown.get(name) ?? 0) + 1);
      return undefined;
    }
    return this.recorded(stored, this.lifted(stored));
  }

  private lifted(stored: StoredEvent): Lifted {
    let current: Lifted = { ...stored, data: objectOf(stored) };
    for (;;) {
      const step = this.history.stepFrom(current.type, current.schemaVersion);
      if (step === undefined) return this.checked(stored, current);
      const next = stepped(step, { ...stored, ...current }, stored);
      const declared = step.into.some(
        ({ type, schemaVersion }) => type === next.type && schemaVersion === next.schemaVersion,
      );
      const into = `${next.type} version ${String(next.schemaVersion)}`;
      if (!declared) throw new EventUnreadable(stored, `it was lifted into ${into}, which its upcast does not declare`);
      current = next;
    }
  }

  private recorded(stored: StoredEvent, { type, schemaVersion, data }: Lifted): RecordedEvent {
    return {
      position: stored.position,
      stream: this.streams.now(stored.stream),
      version: stored.version,
      id: stored.id,
      schemaVersion,
      event: { type, ...data },
      metadata: stored.metadata,
      recordedAt: stored.recordedAt,
    };
  }

  private checked(stored: StoredEvent, lifted: Lifted): Lifted {
    const schema = this.history.schemaOf(lifted.type);
    try {
      if (schema === undefined) throw new EventInvalid(lifted.type, 'no family declares it');
      return { ...lifted, data: validated(lifted.type, schema, lifted.data) };
    } catch (error) {
      if (!(error instanceof EventInvalid)) throw error;
      throw new EventUnreadable(stored, `what it was lifted into is wrong. ${error.message}`);
    }
  }
}

/** An event was built that its own schema refuses: a mistake in a decision, not in what a user asked. */
export class EventInvalid extends Error {
  override readonly name = 'EventInvalid';
  constructor(
    readonly type: string,
    why: string,
  ) {
    super(`The event ${type} cannot be stored: ${why.replace(/\.$/, '')}.`);
  }
}

/** A stored event whose history leads nowhere. Skipping it would make every reader wrong in silence, so it stops them. */
export class EventUnreadable extends Error {
  override readonly name = 'EventUnreadable';
  readonly position: bigint;
  readonly stream: string;
  constructor(
    { position, stream, type, schemaVersion }: StoredEvent,
    readonly why: string,
    options?: ErrorOptions,
  ) {
    super(
      `${type} version ${String(schemaVersion)} at position ${String(position)} of the log cannot be read: ${why.replace(/\.$/, '')}.`,
      options,
    );
    this.position = position;
    this.stream = stream;
  }
}

function stepped(step: Step, current: StoredEvent & { readonly data: JsonObject }, stored: StoredEvent): Lifted {
  try {
    return step.lift(current);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new EventUnreadable(stored, `its lift failed: ${error.message}`, { cause: error });
  }
}

/** What an event that is not in the log yet lacks of a stored one. */
const nowhere = { position: 0n, version: 0, metadata: { correlationId: '' }, recordedAt: new Date(0) };

function objectOf(stored: StoredEvent): JsonObject {
  if (!isJsonObject(stored.data)) throw new EventUnreadable(stored, 'its data is not an object');
  return stored.data;
}

function validated(type: string, schema: EventSchema, data: object): JsonObject {
  const parsed = schema.data.safeParse(data);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'data'}: ${issue.message}`);
    throw new EventInvalid(type, issues.join('; '));
  }
  const checked = parsed.data;
  if (isStorable(data, checked)) return checked;
  const { path, why } = flawOf(data, checked) ?? here('is not an object with fields other than `type`');
  throw new EventInvalid(type, `${path.join('.') || 'data'} ${why}`);
}

function isStorable(given: object, checked: unknown): checked is JsonObject {
  return (
    typeof checked === 'object' && checked !== null && !('type' in checked) && flawOf(given, checked) === undefined
  );
}

interface Flaw {
  readonly path: readonly string[];
  readonly why: string;
}

const here = (why: string): Flaw => ({ path: [], why });

/** Neither NUL nor half a surrogate pair fits into PostgreSQL's text, where a projection or an analyst would put it. */
// eslint-disable-next-line no-control-regex -- NUL is what is looked for
const unstorableText = /[\u0000\ud800-\udfff]/u;

/**
 * Why the data would not come back from storage as it went in: it is no JSON, or its schema changed it. A schema that strips,
 * defaults or transforms would be applied on writing and not on reading, and the event would be two different things.
 */
function flawOf(given: unknown, checked: unknown): Flaw | undefined {
  if (typeof checked === 'object' && checked !== null) {
    if (typeof given !== 'object' || given === null) return here('is changed by the schema');
    return Array.isArray(checked) ? flawOfArray(given, checked) : flawOfObject(given, checked);
  }
  const why = whyUnstorable(checked) ?? (given === checked ? undefined : 'is changed by the schema');
  return why === undefined ? undefined : here(why);
}

function whyUnstorable(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return unstorableText.test(value) ? 'holds NUL or half a surrogate pair' : undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : 'is not a finite number';
    case 'boolean':
    case 'object':
      return undefined;
    case 'undefined':
    case 'bigint':
    case 'symbol':
    case 'function':
      return `is ${typeof value}, which JSON cannot hold`;
  }
}

function flawOfArray(given: object, checked: readonly unknown[]): Flaw | undefined {
  if (!Array.isArray(given) || given.length !== checked.length) return here('is changed by the schema');
  for (let index = 0; index < checked.length; index += 1) {
    const flaw = flawOf(given[index], checked[index]);
    if (flaw !== undefined) return { path: [String(index), ...flaw.path], why: flaw.why };
  }
  return undefined;
}

function flawOfObject(given: object, checked: object): Flaw | undefined {
  if (!isPlain(given) || !isPlain(checked)) return here('is not plain data');
  const keys = Object.keys(checked);
  for (const key of keys) {
    if (!Object.hasOwn(given, key)) return { path: [key], why: 'is added by the schema' };
    const flaw = flawOf(given[key], checked[key]);
    if (flaw !== undefined) return { path: [key, ...flaw.path], why: flaw.why };
  }
  const before = Object.keys(given);
  if (before.length === keys.length) return undefined;
  return { path: before.filter((key) => !Object.hasOwn(checked, key)), why: 'is not in the schema' };
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
