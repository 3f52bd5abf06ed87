import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Database } from '../database/database.js';
import type { Seen } from './progress.js';
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
      `insert into reacting.checkpoints as c (process, position, epoch, log_epoch)
       values ($1, $2, $3, (select id from log.epoch))
       on conflict (process) do update set epoch = excluded.epoch, log_epoch = coalesce(c.log_epoch, excluded.log_epoch)
       where c.epoch <= excluded.epoch and c.refused is null
       returning position`,
      [process, known?.position ?? (await start()), epoch],
    );
    return claimed?.position;
  }

  /** False if another owner took over. */
  async save(process: string, epoch: number, position: bigint, anchor?: Seen): Promise<boolean> {
    const saved = await query(
      this.database,
      Position,
      `update reacting.checkpoints set position = greatest(position, $3), moved_at = clock_timestamp(),
         anchor_position = coalesce($4::bigint, anchor_position), anchor_event = coalesce($5::text, anchor_event)
       where process = $1 and epoch = $2 returning position`,
      [process, epoch, position, anchor?.position, anchor?.id],
    );
    return saved.length > 0;
  }

  async all(): Promise<readonly Checkpoint[]> {
    return query(
      this.database,
      Checkpoint,
      'select process, position, moved_at as "movedAt", refused from reacting.checkpoints order by process',
      [],
    );
  }

  /** What the checkpoint remembers of its log. */
  async standing(process: string): Promise<Standing | undefined> {
    const [standing] = await query(
      this.database,
      Standing,
      `select position, anchor_position as "anchorPosition", anchor_event as "anchorEvent", refused,
         log_epoch as "knownEpoch", (select id from log.epoch) as "logEpoch"
       from reacting.checkpoints where process = $1`,
      [process],
    );
    return standing;
  }

  /** Keeps the process from running, in every program, until it is reset. */
  async refuse(process: string, sentence: string): Promise<void> {
    await query(
      this.database,
      Position,
      'update reacting.checkpoints set refused = $2 where process = $1 returning position',
      [process, sentence],
    );
  }

  /**
   * Lets a process that nobody runs go on after `position`. What it remembers of later events is of another log, or is made
   * again. False if it is unknown, or if somebody runs it.
   */
  async reset(process: string, position: bigint): Promise<boolean> {
    const reset = await query(
      this.database,
      Position,
      `with reset as (
         update reacting.checkpoints as c
         set position = $2, anchor_position = null, anchor_event = null, refused = null, log_epoch = (select id from log.epoch)
         where process = $1 and (refused is not null or not exists (
           select from projecting.leases where name = 'process:' || $1 and expires_at > clock_timestamp()))
         returning position
       ), letters as (
         delete from reacting.dead_letters where process = $1 and position > $2 and exists (select from reset)
       ), skipped as (
         delete from reacting.skipped_events where process = $1 and position > $2 and exists (select from reset)
       ), deadlines as (
         delete from reacting.deadlines where process = $1 and position > $2 and exists (select from reset)
       )
       select position from reset`,
      [process, position],
    );
    return reset.length > 0;
  }
}

const Position = z.object({ position: z.coerce.bigint() });
const Checkpoint = z.object({
  process: z.string(),
  position: z.coerce.bigint(),
  movedAt: z.date(),
  /** Why it must not run: the log is no longer the one that it has followed. */
  refused: z.string().nullable(),
});
export type Checkpoint = z.infer<typeof Checkpoint>;

const Standing = z.object({
  position: z.coerce.bigint(),
  anchorPosition: z.coerce.bigint().nullable(),
  anchorEvent: z.string().nullable(),
  refused: z.string().nullable(),
  knownEpoch: z.string().nullable(),
  logEpoch: z.string(),
});
type Standing = z.infer<typeof Standing>;
