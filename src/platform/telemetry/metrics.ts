import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** A value of a gauge, with its labels. A label's values must be few and known: routes, names of projections; never ids. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Named<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly Label[];
}

/**
 * What this process counts. Each part asks for its own numbers here; `/metrics` shows them all.
 *
 * A registry per program rather than prom-client's global one, so that two programs in one process (tests) stay apart.
 */
@Injectable()
export class Metrics implements OnApplicationShutdown {
  readonly #registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  counter<Label extends string>({ labels = [], ...what }: Named<Label>): Counter<Label> {
    return new Counter({ ...what, labelNames: labels, registers: [this.#registry] });
  }

  /** In seconds, as Prometheus has it. */
  durations<Label extends string>({ labels = [], ...what }: Named<Label>): Histogram<Label> {
    return new Histogram({ ...what, labelNames: labels, registers: [this.#registry], buckets: durationBuckets });
  }

  sizes<Label extends string>({ labels = [], ...what }: Named<Label>): Histogram<Label> {
    return new Histogram({ ...what, labelNames: labels, registers: [this.#registry], buckets: sizeBuckets });
  }

  /** A gauge that is looked up when somebody asks. */
  gauge(
    { labels = [], ...what }: Named<string>,
    read: () => number | readonly Sample[] | Promise<number | readonly Sample[]>,
  ): void {
    const gauge = new Gauge({
      ...what,
      labelNames: labels,
      registers: [this.#registry],
      collect: async () => {
        const found = await read();
        gauge.reset();
        if (typeof found === 'number') gauge.set(found);
        else for (const { labels: at = {}, value } of found) gauge.set(at, value);
      },
    });
  }

  onApplicationShutdown(): void {
    this.#registry.clear();
  }
}

interface Child {
  observe(seconds: number): void;
}

/** The children of a histogram, by the values of its labels in their order: looking one up costs more than observing with it. */
export function childrenOf<Label extends string>(histogram: Histogram<Label>): (...labels: readonly string[]) => Child {
  const children = new Map<string, Child>();
  return (...labels) => {
    const key = labels.join('\0');
    const child = children.get(key) ?? histogram.labels(...labels);
    children.set(key, child);
    return child;
  };
}

const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const sizeBuckets = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000];
