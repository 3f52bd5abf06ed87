import type { MigrationInterface } from 'typeorm';
import { EventLog1767225600000 } from './1767225600000-event-log.js';
import { Projecting1767225720000 } from './1767225720000-projecting.js';
import { Reacting1767225780000 } from './1767225780000-reacting.js';
import { Rebuilding1767225840000 } from './1767225840000-rebuilding.js';
import { LogEpoch1767225900000 } from './1767225900000-log-epoch.js';
import { SelfCheck1767225960000 } from './1767225960000-self-check.js';
import { VersionFromExpected1767226020000 } from './1767226020000-version-from-expected.js';
import { RebuildOrders1767226080000 } from './1767226080000-rebuild-orders.js';

/**
 * Every migration, oldest first. An explicit list, not a folder scan: what runs is what the compiler saw, and a stray file
 * in `dist` is never executed.
 */
export const migrations: readonly (new () => MigrationInterface)[] = [
  EventLog1767225600000,
  Projecting1767225720000,
  Reacting1767225780000,
  Rebuilding1767225840000,
  LogEpoch1767225900000,
  SelfCheck1767225960000,
  VersionFromExpected1767226020000,
  RebuildOrders1767226080000,
];
