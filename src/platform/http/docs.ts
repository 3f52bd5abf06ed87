import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';

/**
 * The API's description for programs at `/openapi.json` and for people at `/docs`. Every byte comes from here: a page that
 * loads its scripts from elsewhere is blank behind a firewall and trusts whoever serves them.
 */
export function serveDocs(fastify: FastifyInstance, describe: () => object): void {
  let document: string | undefined;
  fastify.get('/openapi.json', (_request, reply) => {
    document ??= JSON.stringify(describe());
    return reply.type('application/json').send(document);
  });
  fastify.get('/docs', (_request, reply) => reply.headers(pageHeaders).type('text/html; charset=utf-8').send(page));
  fastify.get('/docs/start.js', (_request, reply) => reply.type(scriptType).send(start));
  for (const [name, type] of assets) {
    fastify.get(`/docs/${name}`, async (_request, reply) =>
      reply
        .type(type)
        .header('cache-control', 'public, max-age=86400')
        .send(await readFile(path.join(assetFolder(), name))),
    );
  }
}

const scriptType = 'text/javascript; charset=utf-8';
const assets = [
  ['swagger-ui.css', 'text/css; charset=utf-8'],
  ['swagger-ui-bundle.js', scriptType],
  ['favicon-32x32.png', 'image/png'],
] as const;

const assetFolder = (): string => path.dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json')));

/** Swagger UI styles itself from its script; nothing else may come from anywhere. */
const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
};

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Chorus API</title>
    <link rel="icon" href="/docs/favicon-32x32.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const start = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#ui',
  deepLinking: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
});
`;
