import { z } from 'zod';
import type { Database } from '../database/database.js';
import type { EventStore } from '../event-store/event-store.js';
import { alone } from './alone.js';
import type { Build } from './builds.js';
import { quoted } from './ddl.js';
import { logDeparture, type Anchored } from './log-anchor.js';

/**
 * Whether the log still is the one that a build was made from.
 *
 * Where it is not, the build is refused, for good: its owner doesn't write it, and the views of schema `read` that show it
 * raise an error, so that readers in every process stop at once and without having to be told. Another build that takes its
 * place brings its own views.
 */
export class Continuity {
  constructor(
    private readonly database: Pick<Database, 'pool'>,
    private readonly store: Pick<EventStore, 'head' | 'readAll'>,
  ) {}

  /** Rejects with LogReplaced. */
  async ensure(build: Pick<Build, 'build' | 'projection'>): Promise<void> {
    const { rows } = await this.database.pool.query(`${select} where build = $1`, [build.build]);
    const [anchored] = AnchoredRows.parse(rows);
    if (anchored === undefined) return;
    const sentence = await this.judge(anchored);
    if (sentence !== undefined) throw new LogReplaced(sentence);
  }

  /** At the start of a program, before anybody reads. */
  async ensureAll(): Promise<readonly string[]> {
    const { rows } = await this.database.pool.query(`${select} where state in ('live', 'previous') order by build`);
    const sentences: string[] = [];
    for (const anchored of AnchoredRows.parse(rows)) {
      const sentence = await this.judge(anchored);
      if (sentence !== undefined) sentences.push(sentence);
    }
    return sentences;
  }

  private async judge(anchored: AnchoredBuild): Promise<string | undefined> {
    if (anchored.refused !== null) return anchored.refused;
    const departure = await logDeparture(this.store, anchored);
    if (departure === undefined) {
      await this.remember(anchored);
      return undefined;
    }
    const { projection } = anchored;
    const sentence = `${projection}: ${departure} Its rows are not shown until it is rebuilt: "chorus projections rebuild ${projection}".`;
    await this.refuse(anchored, sentence);
    return sentence;
  }

  private async remember({ build, knownEpoch, logEpoch }: AnchoredBuild): Promise<void> {
    if (knownEpoch !== null) return;
    await this.database.pool.query(
      'update projecting.builds set log_epoch = $2 where build = $1 and log_epoch is null',
      [build, logEpoch],
    );
  }

  private async refuse({ build, projection }: AnchoredBuild, sentence: string): Promise<void> {
    await alone(this.database, projection, async (client) => {
      await client.query('update projecting.builds set refused = $2, epoch = 0 where build = $1', [build, sentence]);
      const shown = await client.query(
        `select b.schema, c.relname as view, array_agg(a.attname::text order by a.attnum) as columns
         from projecting.active as active
         join projecting.builds as b using (projection, build)
         join pg_tables as t on t.schemaname = b.schema
         join pg_class as c on c.relname = t.tablename and c.relnamespace = 'read'::regnamespace and c.relkind = 'v'
         join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
         where b.build = $1 group by b.schema, c.relname`,
        [build],
      );
      for (const { schema, view, columns } of Shown.parse(shown.rows)) {
        await client.query(
          `create or replace view read.${quoted(view)} as select ${columns.map(quoted).join(', ')}
           from ${quoted(schema)}.${quoted(view)} where log.refuse_read(${client.escapeLiteral(sentence)})`,
        );
      }
    });
  }
}

/** The log was put back to an older point, or is another one altogether. */
export class LogReplaced extends Error {
  override readonly name = 'LogReplaced';
}

interface AnchoredBuild extends Anchored {
  readonly build: string;
  readonly projection: string;
  readonly refused: string | null;
}

const select = `
  select build, projection, refused, position, anchor_position as "anchorPosition", anchor_event as "anchorEvent",
    log_epoch as "knownEpoch", (select id from log.epoch) as "logEpoch"
  from projecting.builds`;

const AnchoredRows = z.array(
  z.object({
    build: z.string(),
    projection: z.string(),
    refused: z.string().nullable(),
    position: z.coerce.bigint(),
    anchorPosition: z.coerce.bigint().nullable(),
    anchorEvent: z.string().nullable(),
    knownEpoch: z.string().nullable(),
    logEpoch: z.string(),
  }),
);
const Shown = z.array(z.object({ schema: z.string(), view: z.string(), columns: z.array(z.string()) }));
