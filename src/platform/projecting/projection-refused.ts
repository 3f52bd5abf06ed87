import type { Projection } from './projection.js';

/** This version of the code must not work on this projection. A person has to do something about it. */
export class ProjectionRefused extends Error {
  override readonly name = 'ProjectionRefused';

  static older({ name, version }: Projection, active: number): ProjectionRefused {
    return new ProjectionRefused(
      `${name}: this program has version ${String(version)}, but version ${String(active)} is live. Deploy the newer program again, or raise the version.`,
    );
  }

  static changed({ name, version }: Projection): ProjectionRefused {
    return new ProjectionRefused(
      `${name}: its tables were changed, but it is still version ${String(version)}. Raise the version, and a new build starts.`,
    );
  }
}
