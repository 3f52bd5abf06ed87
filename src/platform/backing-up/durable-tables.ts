/**
 * The tables that nothing else can make again, in the order in which they are written to a backup. Read models are not among
 * them, and neither is who works on what just now.
 */
export const durableTables = [
  'log.events',
  'log.commands',
  'reacting.checkpoints',
  'reacting.dead_letters',
  'reacting.skipped_events',
  'reacting.deadlines',
] as const;

/** What it takes to leave behind everything that happened after a position; `$1` is the position. */
export const forgetLater: readonly string[] = [
  'delete from log.commands where last_position > $1',
  'delete from reacting.dead_letters where position > $1',
  'delete from reacting.skipped_events where position > $1',
  'delete from reacting.deadlines where position > $1',
  `update reacting.checkpoints set position = least(position, $1),
     anchor_position = case when anchor_position <= $1 then anchor_position end,
     anchor_event = case when anchor_position <= $1 then anchor_event end`,
];
