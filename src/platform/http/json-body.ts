import type { FastifyInstance } from 'fastify';

/**
 * JSON is the only thing that routes take. Keys that would reach an object's prototype make it malformed.
 *
 * For a request that may be repeated the text itself is kept: two requests are the same when their texts are. To write the
 * parsed body out again would cost more, and a body that is nested deeply enough makes that overflow the stack.
 */
export function takeOnlyJson(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (request.headers['idempotency-key'] !== undefined) request.call.bodyText = text;
    // Many clients name the type of the body they don't send. Whether there must be one is the route's to say.
    if (text === '') done(null, undefined);
    else void parse(request, text, done);
  });
}
