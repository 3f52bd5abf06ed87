import { StreamBusy } from './refusals.js';

/**
 * Commands to one stream take turns within this process, in the order they came. Between processes the expected version
 * decides; taking turns here only spares a hot stream the conflicts it would have with itself.
 */
export class StreamQueue {
  private readonly lines = new Map<string, { last: Promise<unknown>; length: number }>();

  constructor(private readonly waitingMax: number) {}

  async run<Result>(stream: string, task: () => Promise<Result>): Promise<Result> {
    const line = this.lines.get(stream) ?? { last: Promise.resolve(), length: 0 };
    if (line.length > this.waitingMax) throw new StreamBusy(stream, line.length);
    this.lines.set(stream, line);
    line.length += 1;
    // Whoever was first in line hears of their own failure; here it only means that it is the next one's turn.
    const turn = line.last.then(task, task);
    line.last = turn;
    try {
      return await turn;
    } finally {
      line.length -= 1;
      if (line.length === 0) this.lines.delete(stream);
    }
  }
}
