import type { EventFamily, EventSchema, Json, JsonObject } from '../../kernel/event-family.js';
import type { EventVersion, Upcast } from '../../kernel/upcast.js';

export type Step = Pick<Upcast, 'into' | 'lift'>;

/** Families or upcasts contradict each other. A mistake in the program, found at its start. */
export class HistoryInvalid extends Error {
  override readonly name = 'HistoryInvalid';
}

/** All steps of families and upcasts as one graph. */
export class Upcasts {
  private readonly current = new Map<string, EventSchema>();
  private readonly steps = new Map<string, Map<number, Step>>();
  private readonly sources = new Map<string, Set<string>>();

  constructor(families: readonly EventFamily[], upcasts: readonly Upcast[]) {
    for (const family of families) for (const [type, schema] of Object.entries(family)) this.declare(type, schema);
    for (const upcast of upcasts) this.connect(upcast.type, upcast.version, upcast);
    for (const [type, schema] of this.current) this.leadsTo(type, schema.version, []);
    for (const [type, versions] of this.steps) for (const version of versions.keys()) this.leadsTo(type, version, []);
  }

  get types(): readonly string[] {
    return [...this.current.keys()];
  }

  schemaOf(type: string): EventSchema | undefined {
    return this.current.get(type);
  }

  /** The next step of a stored version; undefined for a current version and for one that nobody knows. */
  stepFrom(type: string, version: number): Step | undefined {
    return this.steps.get(type)?.get(version);
  }

  /** Every type and version that may be in a log and that today's code can read. */
  readable(): readonly EventVersion[] {
    const current = [...this.current].map(([type, schema]) => ({ type, schemaVersion: schema.version }));
    const earlier = [...this.steps].flatMap(([type, versions]) =>
      [...versions.keys()].map((schemaVersion) => ({ type, schemaVersion })),
    );
    return [...earlier, ...current];
  }

  storedTypes(types: readonly string[]): string[] {
    return [...new Set(types.flatMap((type) => [type, ...(this.sources.get(type) ?? [])]))];
  }

  private declare(type: string, schema: EventSchema): void {
    if (this.current.has(type)) throw new HistoryInvalid(`Two families declare the event ${type}.`);
    if (!Number.isSafeInteger(schema.version) || schema.version < 1) {
      throw new HistoryInvalid(`${type} has version ${String(schema.version)}; versions are 1, 2, 3 and so on.`);
    }
    this.current.set(type, schema);
    const earlier = Array.from({ length: schema.version - 1 }, (_, index) => index + 1);
    const unexpected = Object.keys(schema.from).find((version) => !earlier.includes(Number(version)));
    if (unexpected !== undefined) {
      throw new HistoryInvalid(
        `${type} is at version ${String(schema.version)} and cannot lift from version ${unexpected}.`,
      );
    }
    for (const version of earlier) {
      const lift = schema.from[version];
      if (lift === undefined)
        throw new HistoryInvalid(`${type} does not say how version ${String(version)} is lifted.`);
      const next = { type, schemaVersion: version + 1 };
      this.connect(type, version, { into: [next], lift: ({ data }) => ({ ...next, data: lift(data) }) });
    }
  }

  private connect(type: string, version: number, step: Step): void {
    const versions = this.steps.get(type) ?? new Map<number, Step>();
    if (versions.has(version)) throw new HistoryInvalid(`${type} version ${String(version)} is lifted in two ways.`);
    if (this.current.get(type)?.version === version) {
      throw new HistoryInvalid(
        `${type} version ${String(version)} is what is written today, so it must not be lifted.`,
      );
    }
    this.steps.set(type, versions.set(version, step));
  }

  /** Follows one stored version to every current type it may become; `path` is how the walk got there. */
  private leadsTo(type: string, version: number, path: readonly EventVersion[]): void {
    const here = [...path, { type, schemaVersion: version }];
    const route = here.map((step) => `${step.type} version ${String(step.schemaVersion)}`).join(' -> ');
    if (path.some((step) => step.type === type && step.schemaVersion === version)) {
      throw new HistoryInvalid(`Upcasts go in a circle: ${route}.`);
    }
    if (this.current.get(type)?.version === version) {
      const sources = this.sources.get(type) ?? new Set<string>();
      for (const step of here) sources.add(step.type);
      this.sources.set(type, sources);
      return;
    }
    const next = this.stepFrom(type, version)?.into ?? [];
    if (next.length === 0) {
      throw new HistoryInvalid(`An upcast leads to an event that no family declares: ${route}.`);
    }
    for (const target of next) this.leadsTo(target.type, target.schemaVersion, here);
  }
}

export function isJsonObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
