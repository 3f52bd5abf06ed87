import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  clockOffset,
  earliestDrift,
  latestDrift,
  TokenBucket,
  type WatchWindow,
} from '../../src/interactive-prompts/watch-pace.js';
import { type Batch, type Moment, type Watcher, WatchRoom } from '../../src/interactive-prompts/watch-room.js';

const moment = (position: number, promptTime: number, cameAt: number): Moment => ({
  position,
  promptTime,
  cameAt,
  item: () => String(position),
});

interface Seat extends Watcher<Batch> {
  readonly got: Batch[];
}

const seat = (window: Partial<WatchWindow> = {}, { bandwidth = 1_000, after = 0 } = {}): Seat => {
  const got: Batch[] = [];
  return {
    window: { offset: 0, lookback: 10, lookahead: 10, ...window },
    bucket: new TokenBucket(bandwidth, 0),
    after,
    dropped: 0,
    got,
    send: (batch) => got.push(batch),
  };
};

const aRoom = (...seats: Seat[]): WatchRoom<Batch> => {
  const room = new WatchRoom<Batch>((batch) => batch);
  for (const one of seats) room.watchers.add(one);
  return room;
};

const itemsOf = ({ got }: Seat): readonly string[] => got.flatMap(({ items }) => items);

describe('a client’s clock', () => {
  it('is what it will show when a packet that is sent now arrives', () => {
    // Sent at 100, there a twentieth of a second later, when the client's clock shows 7.05: its zero is at 93.
    const offset = clockOffset({ asked: 100, received: 7.05 });
    expect(200 + offset).toBeCloseTo(107.05, 9);
  });
});

describe('a token bucket', () => {
  it('60: lets through as many as it has, and is filled by whole tokens', () => {
    const bucket = new TokenBucket(2, 0);
    expect([0, 0.1, 0.2, 0.6, 0.9, 1].map((at) => bucket.take(at))).toEqual([true, true, false, true, false, true]);
  });

  it('holds no more than a second’s worth', () => {
    const bucket = new TokenBucket(2, 0);
    expect([100, 100, 100].map((at) => bucket.take(at))).toEqual([true, true, false]);
  });
});

describe('a room', () => {
  it('59: tells what lies in the window, both ends included, and takes no token for the rest', () => {
    const watcher = seat({ offset: 0, lookback: 4, lookahead: 4 }, { bandwidth: 2 });
    const room = aRoom(watcher);
    for (const [nth, time] of [5.99, 14.01, 6, 14].entries()) room.take(moment(nth + 1, time, 10));
    room.tell(4);

    expect(watcher.got).toEqual([{ items: ['3', '4'], dropped: 0, position: 4 }]);
  });

  it('makes one packet for all who see the same', () => {
    const [one, another, elsewhere] = [seat(), seat({ offset: 0.5 }), seat({ offset: 100 })];
    const room = aRoom(one, another, elsewhere);
    room.take(moment(1, 5, 5));
    const report = room.tell(1);

    expect(one.got[0]).toBe(another.got[0]);
    expect(elsewhere.got).toEqual([]);
    expect(report).toMatchObject({ packets: 2, made: 1, dropped: 0 });
  });

  it('tells of what it dropped with the next batch, and only once', () => {
    const watcher = seat({}, { bandwidth: 1 });
    const room = aRoom(watcher);
    for (const position of [1, 2, 3]) room.take(moment(position, 5, 5));
    room.tell(3);
    room.take(moment(4, 5.1, 5.1));
    room.tell(4);
    room.take(moment(5, 7, 7));
    room.tell(5);
    room.take(moment(6, 9, 9));
    room.tell(6);

    expect(watcher.got.map(({ items, dropped }) => [items, dropped])).toEqual([
      [['1'], 2],
      [['5'], 1],
      [['6'], 0],
    ]);
  });

  it('tells who joins in the middle only of what came after them', () => {
    const [before, after] = [seat(), seat({}, { after: 1 })];
    const room = aRoom(before);
    room.take(moment(1, 5, 5));
    room.watchers.add(after);
    room.take(moment(2, 5, 5));
    room.tell(2);

    expect([itemsOf(before), itemsOf(after)]).toEqual([['1', '2'], ['2']]);
  });

  it('is settled up to where it has told everybody', () => {
    const room = aRoom(seat());
    expect(room.settledUpTo(7)).toBe(7);
    expect(room.take(moment(8, 5, 5))).toBe(true);
    expect(room.take(moment(9, 5, 5))).toBe(false);
    room.tell(9);
    expect(room.settledUpTo(12)).toBe(12);
    room.take(moment(13, 5, 5));
    expect(room.settledUpTo(13)).toBe(9);
  });

  it('tells every watcher exactly what one who looked at each event alone would be told', () => {
    const time = fc.double({ min: 0, max: 30, noNaN: true });
    const window = fc.record({
      offset: fc.double({ min: -20, max: 20, noNaN: true }),
      lookback: fc.double({ min: 0, max: 10, noNaN: true }),
      lookahead: fc.double({ min: 0, max: 10, noNaN: true }),
    });
    const watching = fc.tuple(window, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 30 }));
    fc.assert(
      fc.property(
        fc.array(fc.array(time, { maxLength: 8 }), { maxLength: 5 }),
        fc.array(watching, { maxLength: 6 }),
        (ticks, watchings) => {
          const seats = watchings.map(([where, bandwidth, after]) => seat(where, { bandwidth, after }));
          const room = aRoom(...seats);
          const alone = watchings.map(([where, bandwidth, after]) => ({
            where,
            after,
            bucket: new TokenBucket(bandwidth, 0),
            items: [] as string[],
            dropped: 0,
          }));
          let position = 0;
          for (const [tick, promptTimes] of ticks.entries()) {
            for (const promptTime of promptTimes) {
              position += 1;
              const cameAt = tick / 4 + position / 1_000;
              room.take(moment(position, promptTime, cameAt));
              for (const one of alone) look(one, promptTime, { position, cameAt });
            }
            room.tell(position);
          }
          expect(seats.map(itemsOf)).toEqual(alone.map(({ items }) => items));
          expect(seats.map(({ got, dropped }) => got.reduce((sum, batch) => sum + batch.dropped, dropped))).toEqual(
            alone.map(({ dropped }) => dropped),
          );
        },
      ),
    );
  });
});

interface Alone {
  readonly where: WatchWindow;
  readonly after: number;
  readonly bucket: TokenBucket;
  readonly items: string[];
  dropped: number;
}

function look(one: Alone, promptTime: number, { position, cameAt }: { position: number; cameAt: number }): void {
  const drift = promptTime - cameAt;
  if (position <= one.after || drift < earliestDrift(one.where) || drift > latestDrift(one.where)) return;
  if (one.bucket.take(cameAt)) one.items.push(String(position));
  else one.dropped += 1;
}
