import type { FoldProgress } from '../platform/time-travel/scratch.js';
import { ProgressLine } from './progress-line.js';

/** Tells how far a fold is; each fold that begins after the one before has ended is told anew. */
export function foldProgress(): (progress: FoldProgress) => void {
  const line = new ProgressLine();
  let startedAtMs = performance.now();
  let events = 0;
  return ({ position, upTo, events: more }) => {
    events += more;
    const seconds = (performance.now() - startedAtMs) / 1_000;
    line.show(() => sentence({ share: Number(position) / Number(upTo), seconds, events }));
    if (position < upTo) return;
    line.end();
    startedAtMs = performance.now();
    events = 0;
  };
}

interface SoFar {
  readonly share: number;
  readonly seconds: number;
  readonly events: number;
}

function sentence({ share, seconds, events }: SoFar): string {
  const left = Math.ceil((seconds * (1 - share)) / share);
  const rate = Math.round(events / seconds).toLocaleString('en');
  return `Folding: ${(share * 100).toFixed(0)} %, ${rate} events/s, ${String(left)} s left`;
}
