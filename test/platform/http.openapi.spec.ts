import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { aShell, type Shell } from './a-shell.js';

const Schema = z.record(z.string(), z.unknown());
const Content = z.record(z.string(), z.object({ schema: Schema }));
const Parameter = z.object({
  name: z.string(),
  in: z.enum(['path', 'query', 'header']),
  required: z.boolean(),
  schema: Schema,
});
const Response = z.object({
  description: z.string(),
  content: Content.optional(),
  headers: z.record(z.string(), z.unknown()).optional(),
});
const Operation = z.object({
  operationId: z.string(),
  parameters: z.array(Parameter),
  requestBody: z.object({ required: z.literal(true), content: Content }).optional(),
  responses: z.record(z.string(), Response),
  security: z.array(z.record(z.string(), z.array(z.string()))),
});
/** What OpenAPI 3.1 demands of the parts that we use. */
const Document = z.object({
  openapi: z.string().startsWith('3.1.'),
  info: z.object({ title: z.string().min(1), version: z.string().min(1) }),
  paths: z.record(
    z.string().startsWith('/'),
    z.partialRecord(z.enum(['get', 'put', 'post', 'delete', 'patch']), Operation),
  ),
  components: z.object({
    schemas: z.record(z.string().regex(/^[\w.-]+$/), Schema),
    securitySchemes: z.record(z.string(), Schema),
  }),
});

let shell: Shell;
let text: string;
let document: z.infer<typeof Document>;
beforeAll(async () => {
  shell = await aShell();
  const answer = await shell.app.inject({ url: '/openapi.json' });
  text = answer.body;
  document = Document.parse(answer.json());
});
afterAll(() => shell.app.close());

function operations(): (z.infer<typeof Operation> & { path: string })[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.values(item).map((operation) => ({ path, ...operation })),
  );
}

function operation(operationId: string) {
  const found = operations().find((one) => one.operationId === operationId);
  if (found === undefined) throw new Error(`There is no ${operationId}.`);
  return found;
}

const names = (operationId: string) =>
  operation(operationId).parameters.map((parameter) => `${parameter.in} ${parameter.name}`);

describe('the description of the API', () => {
  test('has every route, and only routes that clients need', () => {
    expect(Object.keys(document.paths).sort()).toEqual([
      '/health/live',
      '/health/ready',
      '/metrics',
      '/words',
      '/words/forget',
      '/words/noop',
      '/words/open',
      '/words/prompted',
      '/words/secret',
      '/words/{word}/loudly',
    ]);
  });

  test('points nowhere that is not there', () => {
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference ?? '');
    expect(references.length).toBeGreaterThan(10);
    for (const reference of references) {
      expect(Object.keys(document.components.schemas)).toContain(reference.replace('#/components/schemas/', ''));
    }
  });

  test('names every operation once', () => {
    const ids = operations().map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('declares every parameter of a path', () => {
    for (const { path, parameters } of operations()) {
      const declared = parameters.filter((one) => one.in === 'path').map(({ name }) => name);
      expect(declared).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    }
  });

  test('gives every operation an answer and a problem', () => {
    for (const { responses } of operations()) {
      expect(Object.keys(responses).some((status) => status.startsWith('2'))).toBe(true);
      expect(responses['default']?.content?.['application/problem+json']?.schema).toEqual({
        $ref: '#/components/schemas/Problem',
      });
    }
  });

  test('has no keyword that 3.1 has dropped', () => {
    expect(text).not.toContain('"nullable"');
    expect(text).not.toContain('"$schema"');
    expect(text).not.toContain('"$defs"');
  });
});

describe('a described command', () => {
  test('takes and answers what its schemas say', () => {
    const { requestBody, responses } = operation('WordsHttp_say');
    expect(requestBody?.content['application/json']?.schema).toMatchObject({
      type: 'object',
      properties: { word: { type: 'string', minLength: 1, maxLength: 45 }, second: { type: 'number', minimum: 0 } },
      required: ['word', 'second'],
      additionalProperties: false,
    });
    expect(responses['201']?.content?.['application/json']?.schema).toEqual({ $ref: '#/components/schemas/Said' });
  });

  test('may be repeated and answers with its position', () => {
    expect(names('WordsHttp_say')).toEqual(['header idempotency-key', 'header x-correlation-id']);
    expect(operation('WordsHttp_say').responses['201']?.headers).toHaveProperty('chorus-position');
  });

  test('lists what it may refuse beside what the shell may', () => {
    const { responses } = operation('WordsHttp_say');
    expect(responses['409']?.description).toContain('`rude_word`: Not that word.');
    expect(responses['503']?.description).toMatch(/`unavailable`[^]*`asleep`/);
    expect(responses['422']?.description).toMatch(/`invalid_request`[^]*`idempotency_key_reused`/);
  });

  test('without a body has none', () => {
    expect(operation('WordsHttp_forget').responses['204']).not.toHaveProperty('content');
  });
});

describe('a described read', () => {
  test('can be asked for a position', () => {
    expect(names('WordsHttp_list')).toEqual(['query starting', 'header chorus-at-least', 'query at_least']);
    expect(operation('WordsHttp_list').responses).toHaveProperty('425');
  });
});

describe('the described access', () => {
  test.each([
    ['WordsHttp_noop', [{ user: [] }], true, false],
    ['WordsHttp_secret', [{ user: [] }], true, true],
    ['WordsHttp_open', [], false, false],
    ['WordsHttp_prompted', [{ user: [] }, { key: [] }], true, false],
  ])('of %s is that of the route', (id, security, refuses, forbids) => {
    const found = operation(id);
    expect(found.security).toEqual(security);
    expect('401' in found.responses).toBe(refuses);
    expect(found.responses['403']?.description.includes('forbidden') ?? false).toBe(forbids);
  });
});

describe('the pages for people', () => {
  test('load nothing from anywhere else', async () => {
    const page = await shell.app.inject({ url: '/docs' });
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
    expect(links.length).toBe(4);
    for (const link of links) {
      expect(link).toMatch(/^\/docs\//);
      const asset = await shell.app.inject({ url: link });
      expect([asset.statusCode, asset.body.length > 100]).toEqual([200, true]);
    }
  });

  test('are not served by a worker', async () => {
    const worker = await aShell({ CHORUS_ROLE: 'worker' });
    expect((await worker.app.inject({ url: '/docs' })).statusCode).toBe(404);
    expect((await worker.app.inject({ url: '/openapi.json' })).statusCode).toBe(404);
    await worker.app.close();
  });
});
