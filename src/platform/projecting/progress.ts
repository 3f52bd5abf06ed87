/** How far the read models have come. Reads use it to wait for what their client has just done. */
export abstract class ProjectionProgress {
  /**
   * Resolves as soon as everything up to `position` is in the projection's rows, or after `waitMs` with how far it got.
   * Works whichever process runs the projection.
   */
  abstract waitFor(projection: string, position: bigint, waitMs: number): Promise<Progress>;
}

export interface Progress {
  readonly reached: boolean;
  readonly at: bigint;
}
