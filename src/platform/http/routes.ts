import type { FastifyInstance } from 'fastify';

/** Every route there is, by pattern, so that a wrong method is told from a wrong address. */
export class Routes {
  readonly #methods = new Map<string, Set<string>>();

  constructor(fastify: FastifyInstance) {
    fastify.addHook('onRoute', ({ url, method }) => {
      const methods = this.#methods.get(url) ?? new Set();
      for (const one of [method].flat()) methods.add(one);
      this.#methods.set(url, methods);
    });
  }

  /** What may be done with a path, if anything. Asked only when nothing matched, so it may look at every pattern. */
  methodsOf(path: string): readonly string[] {
    const steps = stepsOf(path);
    for (const [pattern, methods] of this.#methods) {
      if (matches(stepsOf(pattern), steps)) return [...methods].sort();
    }
    return [];
  }
}

const stepsOf = (path: string): readonly string[] => path.split('/');

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  return (
    pattern.length === path.length &&
    pattern.every((step, index) => (step.startsWith(':') ? path[index] !== '' : step === path[index]))
  );
}
