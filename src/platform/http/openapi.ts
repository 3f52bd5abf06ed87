import type { Type } from '@nestjs/common';
import { MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';
import { completed, type Operation, type RouteHandler } from './openapi.operation.js';
import { ProblemBody } from './problem.js';

/**
 * The API as OpenAPI 3.1, made from the same decorators that serve it: what a route takes and answers comes from its Zod
 * schemas, what it may refuse from its refusal table, who may call it from its access.
 */
export function describeApi(app: NestFastifyApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Chorus')
    .setVersion(version)
    .setDescription(introduction)
    .addBearerAuth({ ...bearer, description: 'Who somebody is' }, 'user')
    .addBearerAuth(
      { ...bearer, description: 'A key to one thing, such as a prompt; it came with an earlier answer' },
      'key',
    )
    .build();
  const document = SwaggerModule.createDocument(app, config, { operationIdFactory, standardSchemaConverter });
  const handlers = handlersOf(app);
  const reflector = app.get(Reflector);
  for (const item of Object.values(document.paths)) {
    for (const method of methods) {
      const operation = item[method];
      if (operation !== undefined) item[method] = described(operation, handlers, reflector);
    }
  }
  return withSchema(document, ProblemBody);
}

/** Of the API, not of the program: it changes when a client would have to. */
const version = '1';

const bearer = { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } as const;

const introduction = [
  'Commands change something and answer with the header `chorus-position`; a read that repeats it in `chorus-at-least` sees',
  'the change, or answers 425 with how far behind it is. A command sent with an `Idempotency-Key` may be repeated: it is',
  'carried out once and always gets the first result. Whatever goes wrong is told as `application/problem+json`;',
  'an answer 425, 429 or 503 says in `Retry-After` when to ask again.',
].join('\n');

const methods = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'] as const;

const operationIdFactory = (controller: string, method: string): string => `${controller}_${method}`;

function described(operation: Operation, handlers: ReadonlyMap<string, RouteHandler>, reflector: Reflector): Operation {
  const handler = handlers.get(operation.operationId ?? '');
  return handler === undefined ? operation : completed(operation, handler, reflector);
}

function handlersOf(app: NestFastifyApplication): ReadonlyMap<string, RouteHandler> {
  const scanner = new MetadataScanner();
  const found = new Map<string, RouteHandler>();
  for (const controller of controllersOf(app)) {
    const prototype: unknown = controller.prototype;
    if (typeof prototype !== 'object' || prototype === null) continue;
    for (const name of scanner.getAllMethodNames(prototype)) {
      const method: unknown = Reflect.get(prototype, name);
      if (typeof method === 'function')
        found.set(operationIdFactory(controller.name, name), { controller, name, method });
    }
  }
  return found;
}

function controllersOf(app: NestFastifyApplication): Type[] {
  const modules = [...app.get(ModulesContainer).values()];
  const wrappers = modules.flatMap((module) => [...module.controllers.values()]);
  return wrappers.flatMap(({ metatype }) => (isClass(metatype) ? [metatype] : []));
}

function isClass(type: unknown): type is Type {
  return typeof type === 'function' && 'prototype' in type;
}

/** A schema with an id becomes a component, however deep it stands. */
function standardSchemaConverter(
  schema: unknown,
  { schemaType }: { schemaType: 'input' | 'output' },
): { schema: unknown; components: Record<string, unknown> } | undefined {
  if (!(schema instanceof z.ZodType)) return undefined;
  const { $defs = {}, $schema: _, ...root } = z.toJSONSchema(schema, { io: schemaType, unrepresentable: 'any' });
  const components = Object.fromEntries(
    Object.entries($defs).map(([id, { id: _id, ...definition }]) => [id, definition]),
  );
  const { id, ...own } = root;
  if (id === undefined) return { schema: own, components };
  return { schema: { $ref: `#/components/schemas/${id}` }, components: { ...components, [id]: own } };
}

function withSchema(document: OpenAPIObject, schema: z.ZodType): OpenAPIObject {
  const components = standardSchemaConverter(schema, { schemaType: 'output' })?.components ?? {};
  const schemas: Record<string, object> = { ...document.components?.schemas };
  for (const [id, one] of Object.entries(components)) if (typeof one === 'object' && one !== null) schemas[id] = one;
  return { ...document, components: { ...document.components, schemas } };
}
