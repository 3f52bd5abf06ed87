import { Controller, Get, Query, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Admin } from '../auth/access.js';
import { EventCodec } from '../event-store/event-codec.js';
import { EventStore } from '../event-store/event-store.js';
import { Tail } from '../event-store/tail.js';
import { invalidInput, Problem } from '../http/problem.js';
import { wholeNumber } from '../http/query-numbers.js';
import { EventLines } from './event-lines.js';
import { OpenStreams } from './open-streams.js';

const position = z
  .string()
  .regex(/^\d{1,18}$/, 'must be a position: a whole number from 0')
  .transform(BigInt);
const time = z.iso.datetime({ offset: true, error: 'must be a time with its zone, such as 2026-03-01T12:00:00Z' });
const repeatable = z
  .union([z.string().max(255), z.array(z.string().max(255)).max(200)])
  .transform((given) => [given].flat());

const Selected = z.strictObject({
  stream: z.string().min(1).max(511).optional().describe('Only this stream, such as `prompt-oseh_ip_…`'),
  category: repeatable.optional().describe('Only streams of this category; may be repeated'),
  type: repeatable.optional().describe('Only this type of today; may be repeated'),
  from: time.optional().describe('Only what was recorded at this time or later'),
  to: time.optional().describe('Only what was recorded before this time'),
  after: position.optional().describe('Go on after this position'),
  up_to: position.optional().describe('Up to this position, including it'),
  limit: wholeNumber(z.int().min(1)).optional().describe('At most so many events'),
  follow: z
    .enum(['true', 'false'])
    .default('false')
    .describe('`true`: after the past, what happens from now on, until the client goes'),
});

const mediaType = 'application/x-ndjson';

@ApiTags('administration')
@Controller('api/1/admin/events')
export class EventsHttp {
  constructor(
    private readonly store: EventStore,
    private readonly tail: Tail,
    private readonly codec: EventCodec,
    private readonly streams: OpenStreams,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'What happened, as a stream of lines',
    description: `One JSON object a line. A line with a \`position\` is an event, as today’s code reads it; what is sealed stays sealed.
\`{"progress":{"position":…}}\` says that nothing was selected up to there. The last line is
\`{"end":{"position":…,"reached":…,"events":…}}\`, with \`head\`, \`up_to\`, \`to\`, \`limit\` or, when the server stops,
\`stopping\` for why it ended. An answer without it is torn: ask again with \`after\` as the last position that was taken.
It is read as fast as the client takes it.`,
  })
  @ApiProduces(mediaType)
  @ApiResponse({ status: 200, description: 'The events, oldest first' })
  @Admin()
  async events(@Query({ schema: Selected }) wanted: z.output<typeof Selected>): Promise<StreamableFile> {
    this.refuseUnknown(wanted.type);
    // A log that cannot be read is found here, while it can still be answered with a status.
    await this.store.head();
    if (this.streams.isFull) {
      throw new Problem(503, 'too_many_streams', 'Too many streams are open.', { retryAfterSeconds: 10 });
    }
    const selection = {
      stream: wanted.stream,
      types: wanted.type,
      categories: wanted.category,
      from: dateOf(wanted.from),
      to: dateOf(wanted.to),
      after: wanted.after,
      upTo: wanted.up_to,
      limit: wanted.limit,
    };
    const stream = this.streams.open((stopping) =>
      new EventLines(this.store, this.tail, selection, { follow: wanted.follow === 'true', stopping }).chunks(),
    );
    return new StreamableFile(stream, { type: mediaType });
  }

  /** A typing error would look like a log in which nothing happened. */
  private refuseUnknown(types: readonly string[] = []): void {
    const unknown = types.filter((type) => !this.codec.types.includes(type));
    if (unknown.length === 0) return;
    const message = `must be types of today; these are none: ${unknown.join(', ').slice(0, 500)}`;
    throw invalidInput([{ in: 'query', path: '/type', message }]);
  }
}

function dateOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}
