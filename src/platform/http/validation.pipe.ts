import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { Injectable } from '@nestjs/common';
import { invalidInput, type InputError } from './problem.js';

type Issues = readonly { readonly message: string; readonly path?: Path | undefined }[];
type Path = readonly (PropertyKey | { readonly key: PropertyKey })[];

/**
 * Checks what routes take against the schema in their decorators, and says where it is wrong.
 *
 * Prototype keys never get here: the JSON parser refuses them.
 */
@Injectable()
export class ValidationPipe implements PipeTransform {
  async transform(value: unknown, { schema, type, data }: ArgumentMetadata): Promise<unknown> {
    if (schema === undefined || type === 'custom') return value;
    const result = await schema['~standard'].validate(value);
    if (result.issues === undefined) return result.value;
    throw invalidInput(described(result.issues, type, data));
  }
}

/** A hostile body can be wrong in as many places as it has bytes, and name as many fields. */
const issuesMax = 20;
const messageCharactersMax = 200;

function described(issues: Issues, part: InputError['in'], name: string | undefined): InputError[] {
  const base = name === undefined ? '' : `/${name}`;
  return issues.slice(0, issuesMax).map(({ path = [], message }) => ({
    in: part,
    path: base + pointer(path),
    message: message.slice(0, messageCharactersMax),
  }));
}

function pointer(path: Path): string {
  const steps = path.map((step) => String(typeof step === 'object' ? step.key : step));
  return steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
