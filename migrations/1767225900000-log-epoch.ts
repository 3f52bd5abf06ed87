import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * How everything that was made from the log notices that it is another log by now.
 *
 * Positions are given out again after a restore to an older point, for other events. So the log has an identity, which a
 * restore changes, and whoever has a checkpoint remembers that identity and an anchor: an event they have seen, by position
 * and id. The anchor tells the truth even if somebody put the log back with other tools.
 *
 * It also makes room for the decision to do without an event that could not be applied, and for who decided it.
 */
export class LogEpoch1767225900000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await this.identity(runner);
    await this.anchors(runner);
    await this.skips(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table reacting.skipped_events');
    await runner.query(`update projecting.dead_letters set state = 'poisoned' where state = 'skipping'`);
    await this.states(runner, ['poisoned', 'waiting', 'retrying', 'resolved']);
    for (const column of ['skip_reason', 'skip_by', 'skipped_at'])
      await runner.query(`alter table projecting.dead_letters drop column ${column}`);
    for (const table of ['projecting.builds', 'reacting.checkpoints'])
      for (const column of ['log_epoch', 'anchor_position', 'anchor_event', 'refused'])
        await runner.query(`alter table ${table} drop column ${column}`);
    await runner.query('drop function log.refuse_read(text)');
    await runner.query('drop table log.epoch');
  }

  private async identity(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table log.epoch (
        only_one boolean primary key default true check (only_one),
        id uuid not null default gen_random_uuid(),
        number bigint not null default 1,
        changed_at timestamptz not null default clock_timestamp(),
        restoring text
      )`);
    await runner.query('insert into log.epoch default values');
    // Stable, so that a view which asks it does so before it looks for rows: an empty table is refused like any other.
    await runner.query(`
      create function log.refuse_read(sentence text) returns boolean language plpgsql stable as $$
      begin
        raise exception using errcode = 'CH001', message = sentence;
      end
      $$`);
  }

  private async anchors(runner: QueryRunner): Promise<void> {
    for (const table of ['projecting.builds', 'reacting.checkpoints']) {
      await runner.query(`
        alter table ${table}
          add column log_epoch uuid, add column anchor_position bigint, add column anchor_event text, add column refused text`);
    }
  }

  private async skips(runner: QueryRunner): Promise<void> {
    await this.states(runner, ['poisoned', 'waiting', 'retrying', 'skipping', 'resolved']);
    await runner.query(`
      alter table projecting.dead_letters
        add column skip_reason text, add column skip_by text, add column skipped_at timestamptz`);
    await runner.query(`
      create table reacting.skipped_events (
        process text collate "C" not null,
        position bigint not null,
        stream text collate "C" not null,
        event_id uuid not null,
        type text not null,
        error text,
        message text,
        reason text not null,
        skipped_by text not null,
        skipped_at timestamptz not null default clock_timestamp(),
        primary key (process, position)
      )`);
  }

  private async states(runner: QueryRunner, states: readonly string[]): Promise<void> {
    await runner.query('alter table projecting.dead_letters drop constraint dead_letters_state_check');
    await runner.query(`
      alter table projecting.dead_letters add constraint dead_letters_state_check
        check (state in (${states.map((state) => `'${state}'`).join(', ')}))`);
  }
}
