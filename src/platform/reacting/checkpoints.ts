import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Database } from '../database/database.js';
import { query } from './query.js';

/** How far each process got. Whoever writes carries the epoch of its lease, and only the newest epoch's writes count. */
@Injectable()
export class Checkpoints {
  constructor(@Inject(Database) private readonly database: Pick<Database, 'pool'>) {}

  /** Takes a process over: from here on, writes of earlier epochs change nothing. Undefined if a later one already did. */
  async claim(process: string, epoch: number, start: () => Promise<bigint>): Promise<bigint | undefined> {
    const [known] = await query(
      this.database,
      Position,
      'select position from reacting.checkpoints where process = $1',
      [process],
    );
    const [claimed] = await query(
      this.database,
      Position,
      `insert into reacting.checkpoints as c (process, position, epoch) values ($1, $2, $3)
       on conflict (process) do update set epoch = excluded.epoch where c.epoch <= excluded.epoch
       returning position`,
      [process, known?.position ?? (await start()), epoch],
    );
    return claimed?.position;
  }

  /** False if another owner took over. */
  async save(process: string, epoch: number, position: bigint): Promise<boolean> {
    const saved = await query(
      this.database,
      Position,
      `update reacting.checkpoints set position = greatest(position, $3), moved_at = clock_timestamp()
       where process = $1 and epoch = $2 returning position`,
      [process, epoch, position],
    );
    return saved.length > 0;
  }

  async all(): Promise<readonly Checkpoint[]> {
    return query(
      this.database,
      Checkpoint,
      'select process, position, moved_at as "movedAt" from reacting.checkpoints order by process',
      [],
    );
  }
}

const Position = z.object({ position: z.coerce.bigint() });
const Checkpoint = z.object({ process: z.string(), position: z.coerce.bigint(), movedAt: z.date() });
export type Checkpoint = z.infer<typeof Checkpoint>;
