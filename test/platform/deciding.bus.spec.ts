import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Module } from '@nestjs/common';
import { CommandBus, CqrsModule } from '@nestjs/cqrs';
import { Test, type TestingModule } from '@nestjs/testing';
import { CommandAddresses, CommandAddressUnknown } from '../../src/platform/deciding/command-addresses.js';
import { decides } from '../../src/platform/deciding/decides.js';
import { DecidingModule } from '../../src/platform/deciding/deciding.module.js';
import { CommandRefused } from '../../src/platform/deciding/refusals.js';
import { StreamCommand } from '../../src/platform/deciding/stream-command.js';
import { EventCodec } from '../../src/platform/event-store/event-codec.js';
import { EventStore } from '../../src/platform/event-store/event-store.js';
import { InMemoryEventStore } from '../../src/platform/event-store/in-memory.event-store.js';
import { createLog, LOG } from '../../src/platform/telemetry/log.js';
import { Metrics } from '../../src/platform/telemetry/metrics.js';
import { guestTable, TableCommand, tableEvents, type TableWish } from './deciding.guests.js';

const TableHandler = decides(TableCommand, guestTable);
class BarCommand extends StreamCommand<string, TableWish> {}
const BarHandler = decides(BarCommand, { ...guestTable, category: 'bar' });

@Module({ providers: [TableHandler, BarHandler] })
class Restaurant {}

@Module({})
class Surroundings {}

const store = new InMemoryEventStore(new EventCodec([tableEvents]));
const lines: string[] = [];
let app: TestingModule;

beforeEach(async () => {
  const surroundings = [
    { provide: EventStore, useValue: store },
    { provide: LOG, useValue: createLog({ level: 'debug' }, { write: (line) => lines.push(line) }) },
    Metrics,
  ];
  app = await Test.createTestingModule({
    imports: [
      { module: Surroundings, global: true, providers: surroundings, exports: surroundings },
      CqrsModule.forRoot(),
      DecidingModule.forRoot({ handlers: [TableHandler, BarHandler] }),
      Restaurant,
    ],
  }).compile();
  await app.init();
});
afterEach(() => app.close());

const cause = { correlationId: 'c-1' };
const seat = (guest: string): TableWish => ({ type: 'SeatGuest', guest });

describe('the command bus', () => {
  test('takes a command to the model of its class, and answers with what was decided', async () => {
    const bus = app.get(CommandBus);
    const atTable = await bus.execute(new TableCommand('1', seat('Ada'), cause));
    const atBar = await bus.execute(new BarCommand('1', seat('Ada'), cause));
    expect([atTable, atBar].map(({ version, events }) => [version, events[0]?.stream])).toEqual([
      [1, 'table-1'],
      [1, 'bar-1'],
    ]);
  });

  test('throws a refusal', async () => {
    const party = new TableCommand('2', { type: 'SeatParty', guests: ['1', '2', '3', '4'] }, cause);
    await expect(app.get(CommandBus).execute(party)).rejects.toThrow(CommandRefused);
  });

  test('has every command logged and counted once, without what it says', async () => {
    lines.length = 0;
    await app.get(CommandBus).execute(new TableCommand('3', seat('Grace Hopper'), cause));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 'debug',
      message: 'command',
      stream: 'table-3',
      command: 'SeatGuest',
      outcome: 'decided',
      correlationId: 'c-1',
    });
    expect(lines[0]).not.toMatch('Grace');
    expect(await app.get(Metrics).text()).toMatch(
      /chorus_command_seconds_count\{command="SeatGuest",outcome="decided"\} 1/,
    );
  });
});

describe('command addresses', () => {
  test('lead from a class to its category and from stored data back to a command', async () => {
    const addresses = app.get(CommandAddresses);
    expect(addresses.categoryOf(BarCommand)).toBe('bar');
    const command = addresses.commandOf('bar', '4', seat('Ada'), cause);
    expect(command).toBeInstanceOf(BarCommand);
    expect(await app.get(CommandBus).execute(command)).toMatchObject({ version: 1 });
  });

  test('say which model nobody decides for', () => {
    const addresses = new CommandAddresses([TableHandler]);
    expect(() => addresses.categoryOf(BarCommand)).toThrow(CommandAddressUnknown);
    expect(() => addresses.commandOf('bar', '4', seat('Ada'), cause)).toThrow(
      'No handler decides for streams of the category bar.',
    );
    expect(() => new CommandAddresses([TableHandler, TableHandler])).toThrow('Two handlers decide');
  });
});
