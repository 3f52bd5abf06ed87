import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { Duck } from '../../src/platform/analysing/duck.js';
import { lineOf, recordOf } from '../../src/platform/analysing/event-record.js';
import { exportEvents, type ExportOrder } from '../../src/platform/analysing/export.js';
import { formats, readManifest, type Manifest } from '../../src/platform/analysing/export-manifest.js';
import { exportedEvents } from '../../src/platform/analysing/exported-events.js';
import type { EventStore, LogRange } from '../../src/platform/event-store/event-store.js';
import { InMemoryEventStore } from '../../src/platform/event-store/in-memory.event-store.js';
import { aLibrary, buy, libraryCodec, libraryEvents } from './a-log.js';
import { testFolder } from '../support/test-folder.js';

const books = 40;
let store: EventStore;
let expected: unknown[];

beforeAll(async () => {
  store = await aLibrary(books);
  expected = await recordsOf(store);
});

/** The log, as an export must hold it. */
async function recordsOf(log: EventStore): Promise<unknown[]> {
  const { events } = await log.readAll({ after: 0n, limit: 100_000 });
  return events.map((event) => JSON.parse(lineOf(recordOf(event))) as unknown);
}

const aFolder = (name: string) => mkdtempSync(join(testFolder(), name));

let folder: string;
beforeEach(() => {
  folder = join(aFolder('export-'), 'history');
});

function order(more: Partial<ExportOrder> = {}): ExportOrder {
  const common = { by: ['type', 'day'], selection: {}, append: false, memoryMb: 512, segmentEvents: 50 } as const;
  return { folder, format: 'ndjson', ...common, ...more };
}

const parts = (log: EventStore = store) => ({
  store: log,
  codec: libraryCodec(),
  families: [libraryEvents],
  chorus: '1.2.3',
});
const exported = (more: Partial<ExportOrder> = {}, log: EventStore = store) => exportEvents(parts(log), order(more));

const Row = z.object({ recorded_at: z.string(), data: z.string(), metadata: z.string() }).loose();

/** What an export holds, read by the analytical database, in the shape of the log's own lines. */
async function readBack(manifest: Manifest): Promise<unknown[]> {
  const scratch = aFolder('duck-');
  using duck = await Duck.open({ folder: scratch, memoryMb: 512 });
  const found = await duck.connection.runAndReadAll(
    `select * replace (position::integer as position, strftime(recorded_at, '%Y-%m-%dT%H:%M:%S.%gZ') as recorded_at)
     from (${exportedEvents(folder, manifest)}) order by position`,
  );
  return z
    .array(Row)
    .parse(found.getRowObjectsJson())
    .map((row) => ({ ...row, data: JSON.parse(row.data) as unknown, metadata: JSON.parse(row.metadata) as unknown }));
}

const filesIn = (path: string) =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();

describe('an export', () => {
  test.each(formats.flatMap((format) => [[format, []] as const, [format, ['type', 'day']] as const]))(
    'in %s, partitioned by %j, holds every event exactly as the log has it',
    async (format, by) => {
      const manifest = await exported({ format, by });
      expect(await readBack(manifest)).toEqual(expected);
      expect(manifest).toMatchObject({ format, complete: true, events: 120, after: 0, position: 120, left_out: {} });
      expect(filesIn(folder)).toEqual([...manifest.files.map(({ path }) => path), 'manifest.json'].sort());
      expect(manifest.files.reduce((sum, { events }) => sum + events, 0)).toBe(120);
      expect(readManifest(folder)).toEqual(manifest);
      const inFolders = /^type=Book\w+\/day=\d{4}-\d\d-\d\d\/events-\d{12}(_0)?\.\w+$/;
      const path = by.length > 0 ? inFolders : /^events-\d{12}\.\w+$/;
      for (const file of manifest.files) expect(file.path).toMatch(path);
    },
  );

  test('holds lines that are those of the stream', async () => {
    const manifest = await exported({ by: [] });
    const text = manifest.files.map(({ path }) => readFileSync(join(folder, path), 'utf8')).join('');
    expect(
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(expected);
    expect(manifest.written_by).toEqual({
      chorus: '1.2.3',
      schema_versions: { BookBought: 1, BookLent: 2, BookReturned: 1 },
    });
  });

  test('holds what was selected', async () => {
    const selection = { types: ['BookLent'], categories: ['book'], after: 20n, upTo: 80n };
    const found = await readBack(await exported({ format: 'parquet', selection }));
    const Selected = z.array(z.object({ position: z.number(), type: z.string(), category: z.string() }).loose());
    const wanted = Selected.parse(expected).filter(
      ({ position, type, category }) => position > 20 && position <= 80 && type === 'BookLent' && category === 'book',
    );
    expect(found).toEqual(wanted);
    expect(found.length).toBeGreaterThan(10);
  });

  test('is there whole or not at all, and goes on where it was interrupted', async () => {
    const failing = failingAfter(store, 60n);
    await expect(exported({}, failing)).rejects.toThrow('pulled');
    expect(readManifest(folder)).toBeUndefined();
    const partial = readManifest(`${folder}.partial`);
    expect(partial).toMatchObject({ complete: false });
    const begunAt = partial?.position ?? 0;
    expect(begunAt).toBeGreaterThanOrEqual(50);
    // What a killed process may have left: a file that no manifest names.
    writeFileSync(join(`${folder}.partial`, 'events-000000000101.ndjson'), 'half a li');

    const reads: bigint[] = [];
    const manifest = await exported(
      {},
      watched(store, (range) => reads.push(range.after)),
    );
    expect(await readBack(manifest)).toEqual(expected);
    expect(manifest.files.some(({ path }) => path === 'events-000000000101.ndjson')).toBe(false);
    expect(filesIn(folder)).not.toContain('events-000000000101.ndjson');
    expect(reads.every((after) => after >= BigInt(begunAt) - 1n)).toBe(true);
  });

  test('grows by what happened since, and leaves the files it has', async () => {
    const growing = await aLibrary(10);
    const first = await exported({ format: 'parquet' }, growing);
    await expect(exported({ format: 'parquet' }, growing)).rejects.toThrow('--append');
    for (let nth = 10; nth < 20; nth += 1) await buy(growing, nth);
    writeFileSync(join(folder, 'about-this.md'), 'mine');
    const second = await exported({ format: 'parquet', append: true }, growing);
    expect(second.files.slice(0, first.files.length)).toEqual(first.files);
    expect(await readBack(second)).toEqual(await recordsOf(growing));
    const third = await exported({ format: 'parquet', append: true }, growing);
    expect(third).toEqual(second);
    expect(readFileSync(join(folder, 'about-this.md'), 'utf8')).toBe('mine');
  });

  test('refuses to mix: another log, another kind, a folder with other things, no export to append to', async () => {
    await expect(exported({ append: true })).rejects.toThrow('no export');
    await exported();
    await expect(exported({ append: true }, await aLibrary(books))).rejects.toThrow('of another log');
    await expect(exported({ append: true, format: 'csv' })).rejects.toThrow('another kind');
    await expect(exported({ append: true, selection: { types: ['BookLent'] } })).rejects.toThrow('another kind');
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    writeFileSync(join(folder, 'letters.txt'), 'mine');
    await expect(exported()).rejects.toThrow('not empty');
    expect(readFileSync(join(folder, 'letters.txt'), 'utf8')).toBe('mine');
    await expect(exported({ folder: join(folder, 'letters.txt') })).rejects.toThrow('is a file');
  });

  test('of nothing is an export, too', async () => {
    const manifest = await exported({ format: 'parquet' }, new InMemoryEventStore(libraryCodec()));
    expect(manifest).toMatchObject({ complete: true, events: 0, files: [] });
    expect(await readBack(manifest)).toEqual([]);
  });
});

function watched(log: EventStore, onRead: (range: LogRange) => void): EventStore {
  return new Proxy(log, {
    get: (target, name) => {
      if (name === 'readAll') {
        return (range: LogRange) => {
          onRead(range);
          return target.readAll({ ...range, limit: Math.min(range.limit, 20) });
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function'
        ? (...taken: unknown[]): unknown => Reflect.apply(value, target, taken)
        : value;
    },
  });
}

function failingAfter(log: EventStore, position: bigint): EventStore {
  return watched(log, ({ after }) => {
    if (after >= position) throw new Error('The plug was pulled.');
  });
}

afterAll(() => store.close());
