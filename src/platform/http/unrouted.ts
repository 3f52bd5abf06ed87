import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { shellProblem } from './known-problems.js';
import { bodyOf, Problem, problemMediaType } from './problem.js';

/** What every kind of server that Fastify runs on has in common. */
interface RawReply {
  writeHead(status: number, headers: Record<string, string | number>): unknown;
  end(body: string): unknown;
}

/** Answers for what never becomes a request with a route: addresses that are no addresses, and bytes that are no HTTP. */
export function answerUnroutable(
  error: { readonly code: string },
  request: { readonly id: string },
  reply: { readonly raw: RawReply },
): void {
  const problem = shellProblem(error.code) ?? malformed;
  const body = JSON.stringify(bodyOf(problem, request.id));
  reply.raw.writeHead(problem.status, { 'content-type': problemMediaType, 'content-length': Buffer.byteLength(body) });
  reply.raw.end(body);
}

const malformed = new Problem(400, 'bad_request', 'This is not a well-formed HTTP request.');

const byCode: ReadonlyMap<string | undefined, Problem> = new Map([
  ['HPE_HEADER_OVERFLOW', new Problem(431, 'headers_too_large', 'The headers are larger than this server accepts.')],
  ['ERR_HTTP_REQUEST_TIMEOUT', new Problem(408, 'request_timeout', 'The request took too long to arrive.')],
]);

export function answerGarbage(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = byCode.get(error.code) ?? malformed;
  const body = JSON.stringify(bodyOf(problem, 'none'));
  socket.end(
    [
      `HTTP/1.1 ${String(problem.status)} ${STATUS_CODES[problem.status] ?? ''}`,
      'connection: close',
      `content-type: ${problemMediaType}`,
      `content-length: ${String(Buffer.byteLength(body))}`,
      '',
      body,
    ].join('\r\n'),
  );
}
