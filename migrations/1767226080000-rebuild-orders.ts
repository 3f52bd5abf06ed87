import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How many orders a rebuild has been given: what is said in answer to one must not wipe out another that came meanwhile. */
export class RebuildOrders1767226080000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table projecting.rebuilds add column orders integer not null default 0');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table projecting.rebuilds drop column orders');
  }
}
