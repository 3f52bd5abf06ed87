import type { Projection } from '../src/platform/projecting/projection.js';
import { eventCounts } from './interactive-prompts/event-counts.js';
import { prefixSums } from './interactive-prompts/prefix-sums.js';

/** Every read model that the engine keeps up to date. */
export const projections: readonly Projection[] = [eventCounts, prefixSums];
