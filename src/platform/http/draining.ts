import type { FastifyInstance } from 'fastify';

const sweepMs = 50;

/**
 * Lets a stop end as soon as the last request is answered. Closing the server closes the connections that are idle at that
 * moment; those that were busy would be kept open for the client's next request until they time out.
 */
export function closeConnectionsOnceAnswered(fastify: FastifyInstance): void {
  let sweep: NodeJS.Timeout | undefined;
  fastify.addHook('preClose', (done) => {
    sweep = setInterval(() => {
      fastify.server.closeIdleConnections();
    }, sweepMs);
    done();
  });
  fastify.addHook('onClose', (_instance, done) => {
    clearInterval(sweep);
    done();
  });
}
