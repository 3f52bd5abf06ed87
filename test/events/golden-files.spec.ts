import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { eventFamilies, upcasts } from '../../src/app/events.js';
import { event } from '../../src/kernel/event-family.js';
import type { Upcast } from '../../src/kernel/upcast.js';
import { disagreements } from './golden-files.js';

const folder = import.meta.dirname;

const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
const files = new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));

test('every event that was ever written is read as its golden file says', () => {
  expect(disagreements(eventFamilies, upcasts, files)).toEqual([]);
});

test('an upcast that is planted in this program without a file is found', () => {
  const planted: Upcast = {
    type: 'JourneyRated',
    version: 1,
    into: [{ type: 'PromptLiked', schemaVersion: 1 }],
    lift: ({ data }) => ({ type: 'PromptLiked', schemaVersion: 1, data }),
    streams: { from: 'rating-', to: 'promptSession-' },
  };
  expect(disagreements(eventFamilies, [...upcasts, planted], files)).toEqual([
    'JourneyRated.v1.json is missing: show what such an event looks like.',
    'No file shows the upcast JourneyRated.v1 -> PromptLiked.v1.',
    'No file shows that streams rating- are called promptSession- now.',
  ]);
});

test.each(upcasts.map(({ type }) => type))('without its golden files, %s is missed', (type) => {
  const others = new Map([...files].filter(([name]) => !name.startsWith(`${type}.`)));
  expect(disagreements(eventFamilies, upcasts, others)).toContain(
    `${type}.v1.json is missing: show what such an event looks like.`,
  );
});

test.each(upcasts.map(({ type }) => type))('without the upcast of %s, its golden files are not read', (type) => {
  const found = disagreements(
    eventFamilies,
    upcasts.filter((upcast) => upcast.type !== type),
    files,
  );
  expect(found).toContain(`${type}.v1.json is of an event that the program cannot read any more.`);
});

describe('the golden files show', () => {
  const tea = {
    TeaPoured: event(z.object({ cups: z.int() }), { version: 2, from: { 1: ({ mugs }) => ({ cups: mugs ?? 0 }) } }),
  };
  const brewed: Upcast = {
    type: 'Brewed',
    version: 1,
    into: [{ type: 'TeaPoured', schemaVersion: 1 }],
    lift: ({ data }) => ({ type: 'TeaPoured', schemaVersion: 1, data }),
    streams: { from: 'brew-', to: 'tea-' },
  };
  const today = { event: { type: 'TeaPoured', cups: 3 } };
  const golden: Record<string, object> = {
    'TeaPoured.v2.json': { stream: 'tea-1', data: { cups: 3 } },
    'TeaPoured.v1.json': { stream: 'tea-1', data: { mugs: 3 }, today },
    'Brewed.v1.json': { stream: 'brew-1', data: { mugs: 3 }, today: { ...today, stream: 'tea-1' } },
  };
  const found = (changed: Record<string, object | undefined>, families = [tea], with_ = [brewed]) => {
    const files = Object.entries({ ...golden, ...changed }).filter(([, content]) => content !== undefined);
    return disagreements(families, with_, new Map(files.map(([name, content]) => [name, JSON.stringify(content)])));
  };

  test('nothing when all is well', () => {
    expect(found({})).toEqual([]);
  });

  test('a version without a file, current or past', () => {
    expect(found({ 'TeaPoured.v2.json': undefined, 'TeaPoured.v1.json': undefined })).toEqual([
      'TeaPoured.v1.json is missing: show what such an event looks like.',
      'TeaPoured.v2.json is missing: show what such an event looks like.',
    ]);
  });

  test('a schema that was changed without a new version', () => {
    const stricter = { TeaPoured: event(z.object({ cups: z.int(), sugar: z.boolean() }), tea.TeaPoured) };
    expect(found({}, [stricter])[0]).toMatch(/^TeaPoured.v2.json cannot be read any more: .* sugar: Invalid input/);
  });

  test('a lift that yields something else than it did', () => {
    const other = { TeaPoured: event(tea.TeaPoured.data, { version: 2, from: { 1: () => ({ cups: 4 }) } }) };
    expect(found({}, [other])).toEqual([
      'TeaPoured.v1.json is read as {"type":"TeaPoured","cups":4}.',
      'Brewed.v1.json is read as {"type":"TeaPoured","cups":4}.',
    ]);
  });

  test('a lift that fails', () => {
    const wrong = { TeaPoured: event(tea.TeaPoured.data, { version: 2, from: { 1: () => ({ cups: 'many' }) } }) };
    expect(found({}, [wrong])[0]).toMatch('TeaPoured.v1.json cannot be read any more: TeaPoured version 1');
  });

  test('a stream that is not renamed as it was', () => {
    const { streams: _, ...staying } = brewed;
    expect(found({}, [tea], [staying])).toEqual(['Brewed.v1.json is read in stream brew-1.']);
  });

  test('a renamed stream that no file is in', () => {
    const elsewhere = { stream: 'tea-1', data: { mugs: 3 }, today };
    expect(found({ 'Brewed.v1.json': elsewhere })).toEqual(['No file shows that streams brew- are called tea- now.']);
  });

  test('an event that nobody reads any more', () => {
    expect(found({}, [tea], [])).toEqual(['Brewed.v1.json is of an event that the program cannot read any more.']);
  });

  test('an upcast that no file takes', () => {
    const forked: Upcast = { ...brewed, into: [...brewed.into, { type: 'TeaPoured', schemaVersion: 2 }] };
    expect(found({}, [tea], [forked])).toEqual(['No file shows the upcast Brewed.v1 -> TeaPoured.v2.']);
  });

  test('a past version that does not say what becomes of it, and a current one that does', () => {
    const bare = { stream: 'tea-1', data: { mugs: 3 } };
    expect(found({ 'TeaPoured.v1.json': bare })).toEqual([
      'TeaPoured.v1.json does not say what becomes of it today. It is {"type":"TeaPoured","cups":3}.',
    ]);
    expect(found({ 'TeaPoured.v2.json': { stream: 'tea-1', data: { cups: 3 }, today } })).toEqual([
      'TeaPoured.v2.json is of a version that is written today, so it needs no `today`.',
    ]);
  });

  test('a file whose name says nothing', () => {
    expect(found({ 'tea.json': {} })).toEqual(['tea.json is not named <Type>.v<version>.json.']);
  });
});
