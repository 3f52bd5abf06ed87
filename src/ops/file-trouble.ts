import { z } from 'zod';

const FileError = z.object({ code: z.string(), syscall: z.string(), path: z.string().optional() });

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of it is no folder',
  EISDIR: 'it is a folder',
  EACCES: 'this account may not do that',
  EPERM: 'this account may not do that',
  EROFS: 'nothing can be written there',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full',
};

/**
 * What the operating system says about a file or a folder that a person named: a sentence, because it is theirs to do something
 * about. Undefined for everything else.
 */
export function fileTrouble(error: unknown): string | undefined {
  const { data } = FileError.safeParse(error);
  const reason = reasons[data?.code ?? ''];
  if (data === undefined || reason === undefined) return undefined;
  const { code, syscall, path = 'A file' } = data;
  return `${path}: ${reason} (${code}, ${syscall}).`;
}
