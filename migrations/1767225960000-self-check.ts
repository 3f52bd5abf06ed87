import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the last self-check of each read model found. A mismatch stands until the same rows are found right, or the build is
 * no longer the one that is read.
 */
export class SelfCheck1767225960000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      create table projecting.self_checks (
        projection text primary key,
        build bigint references projecting.builds on delete cascade,
        outcome text not null check (outcome in ('clean', 'mismatch', 'skipped')),
        why text,
        position bigint,
        samples jsonb not null default '{}',
        rows_checked bigint not null default 0,
        differing jsonb not null default '[]',
        differing_total bigint not null default 0,
        checked_at timestamptz not null default clock_timestamp()
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table projecting.self_checks');
  }
}
