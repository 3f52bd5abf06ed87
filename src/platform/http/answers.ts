import { applyDecorators, HttpCode } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import type { z } from 'zod';
import type { Reached } from './position.js';

type Answering<Body> = <Returned extends Body | Reached<Body> | Promise<Body | Reached<Body>>>(
  target: object,
  name: string | symbol,
  method: TypedPropertyDescriptor<(...taken: never[]) => Returned>,
) => void;

/** What a route answers when all is well. The method must return what the schema says, or it doesn't compile. */
export function Answers<Schema extends z.ZodType>(
  status: number,
  schema: Schema,
  description?: string,
): Answering<z.input<Schema>>;
export function Answers(status: number, schema?: undefined, description?: string): Answering<void>;
export function Answers(status: number, schema?: z.ZodType, description = ''): MethodDecorator {
  const body = schema === undefined ? {} : { standardSchema: schema };
  return applyDecorators(HttpCode(status), ApiResponse({ status, description, ...body }));
}
