import { Readable } from 'node:stream';
import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';

export interface OpenStreamsOptions {
  readonly streamsMax?: number;
  /** A reader that takes nothing for so long is given up: it would keep its place for ever. */
  readonly stallMsMax?: number;
  /** How long a stop waits for readers to take the end of their streams. */
  readonly stopMsMax?: number;
}

const defaults = { streamsMax: 32, stallMsMax: 300_000, stopMsMax: 2_000 };

/**
 * The long answers of this process. Each is a stream that reads when its client takes, and ends
 *
 *   by itself    when all was sent
 *   early        when the program stops: its producer is told, and says the end properly
 *   torn         when the client is gone, takes nothing for minutes, or the log cannot be read
 */
@Injectable()
export class OpenStreams implements BeforeApplicationShutdown {
  private readonly log = new Logger(OpenStreams.name);
  private readonly streams = new Set<Readable>();
  private readonly stopping = new AbortController();
  private readonly options: Required<OpenStreamsOptions>;

  constructor(options: OpenStreamsOptions = {}) {
    this.options = { ...defaults, ...options };
  }

  get count(): number {
    return this.streams.size;
  }

  get isFull(): boolean {
    return this.streams.size >= this.options.streamsMax;
  }

  /** `produce` is told when it should come to an end, also because nobody listens any more. */
  open(produce: (ending: AbortSignal) => AsyncGenerator<string, void>): Readable {
    const gone = new AbortController();
    const ending = AbortSignal.any([gone.signal, this.stopping.signal]);
    const stall = { timer: setTimeout(() => undefined, 0) };
    const stream: Readable = Readable.from(
      this.watched(produce(ending), stall, () => stream.destroy(new Error('The reader took nothing for too long.'))),
      { objectMode: false },
    );
    this.streams.add(stream);
    stream.once('close', () => {
      clearTimeout(stall.timer);
      gone.abort();
      this.streams.delete(stream);
    });
    return stream;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    const closed = [...this.streams].map((stream) => new Promise((resolve) => stream.once('close', resolve)));
    const cut = setTimeout(() => {
      for (const stream of this.streams) stream.destroy();
    }, this.options.stopMsMax);
    await Promise.all(closed);
    clearTimeout(cut);
  }

  private async *watched(
    chunks: AsyncGenerator<string, void>,
    stall: { timer: NodeJS.Timeout },
    giveUp: () => void,
  ): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of chunks) {
        stall.timer = setTimeout(giveUp, this.options.stallMsMax);
        yield Buffer.from(chunk);
        clearTimeout(stall.timer);
      }
    } catch (error) {
      // The head of the answer is on its way: tearing it is all that the client can be told.
      this.log.warn(error);
      throw error;
    }
  }
}
