import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { Catch, NotFoundException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problemOf } from './known-problems.js';
import { bodyOf, headersOf, Problem, problemMediaType } from './problem.js';
import type { Routes } from './routes.js';

/** The one place where an error becomes an answer. What nobody foresaw is a 500 that tells the client nothing but where to ask. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly routes: Routes) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const known = error instanceof NotFoundException && request.is404 ? this.nothingThere(request) : error;
    sendProblem(known, request, http.getResponse<FastifyReply>());
  }

  private nothingThere({ url, method }: FastifyRequest): Problem {
    const allowed = this.routes.methodsOf(url.replace(/\?.*$/s, ''));
    if (allowed.length === 0) return new Problem(404, 'not_found', 'There is nothing at this address.');
    const allow = allowed.join(', ');
    return new Problem(405, 'method_not_allowed', `${method} is not possible here, but ${allow}.`, {
      headers: { allow },
    });
  }
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error, request.headers) ?? unforeseen;
  if (problem.status >= 500) request.call.failure = error;
  // The head of a stream may be on its way: then the connection's end is all that can still be said.
  if (reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  void reply
    .code(problem.status)
    .headers(headersOf(problem))
    .type(problemMediaType)
    .send(JSON.stringify(bodyOf(problem, request.id)));
}

const unforeseen = new Problem(
  500,
  'internal_error',
  'Something went wrong on our side. The log has the details under the request id.',
);
