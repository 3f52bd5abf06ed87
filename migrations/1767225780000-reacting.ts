import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What must survive about processes: how far each one got, the events it could not react to, and the commands that wait for
 * their time.
 */
export class Reacting1767225780000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('create schema reacting');
    await queryRunner.query(`
      create table reacting.checkpoints (
        process text collate "C" primary key,
        position bigint not null,
        epoch bigint not null,
        moved_at timestamptz not null default clock_timestamp()
      ) with (fillfactor = 50)`);
    await queryRunner.query(`
      create table reacting.dead_letters (
        process text collate "C" not null,
        position bigint not null,
        stream text collate "C" not null,
        event_id uuid not null,
        type text not null,
        state text not null check (state in ('poisoned', 'waiting', 'retrying')),
        error text,
        message text,
        attempts integer not null,
        first_at timestamptz not null default clock_timestamp(),
        last_at timestamptz not null default clock_timestamp(),
        primary key (process, position)
      )`);
    await queryRunner.query('create index dead_letters_stream on reacting.dead_letters (process, stream, position)');
    await this.deadlines(queryRunner);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop schema reacting cascade');
  }

  /**
   * A deadline that fired or was cancelled stays until no event that could set it can be delivered again: `position` and
   * `step` say which event last had a say, and an earlier one changes nothing.
   */
  private async deadlines(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      create table reacting.deadlines (
        process text collate "C" not null,
        key text collate "C" not null,
        state text not null check (state in ('set', 'fired', 'cancelled')),
        position bigint not null,
        step integer not null,
        due_at timestamptz,
        try_at timestamptz,
        category text,
        id text,
        payload json,
        cause json,
        attempts integer not null default 0,
        error text,
        message text,
        primary key (process, key),
        check (state <> 'set' or num_nulls(due_at, try_at, category, id, payload, cause) = 0)
      )`);
    await queryRunner.query(`create index deadlines_due on reacting.deadlines (try_at, position) where state = 'set'`);
    await queryRunner.query(
      `create index deadlines_past on reacting.deadlines (process, position) where state <> 'set'`,
    );
  }
}
