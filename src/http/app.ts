import fastify, { type FastifyReply, LogController } from 'fastify';
import type { Logger } from 'pino';
import { type Access, access } from './access.ts';
import { answerClientError } from './client-error.ts';
import { failureBody, failureOf, HttpFailure } from './failure.ts';
import type { HttpOptions } from './ports.ts';
import type { Reply, Route } from './route.ts';
import { jsonReply } from './route.ts';
import { allRoutes } from './routes/index.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Needs no token. */
    open?: boolean;
  }
}

export type App = ReturnType<typeof createApp>;

/** The API as a fastify application that does not listen yet. */
export function createApp({ ports, token, clock, log }: Omit<HttpOptions, 'listen'>) {
  const asFailure = (error: unknown) => failureOf(error, ports.awayBackend);
  const judge = access(token);
  const app = fastify({
    loggerInstance: log,
    // Ours say what matters in one line.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 65_536,
    // A client that is slow on purpose does not keep a connection.
    requestTimeout: 10_000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 256 },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      // A path that cannot be routed has passed no hook.
      const failure = refusal(judge, request) ?? asFailure(error);
      void sendFailure(reply, failure);
    },
  });

  app.addHook('onRequest', async (request) => {
    const failure = refusal(judge, request);
    if (failure) throw failure;
  });
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  app.addHook('onSend', async (_request, reply) => {
    // Or the connection would be kept for a next request, and the node wait for it.
    if (closing.signal.aborted) void reply.header('connection', 'close');
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method, url } = request;
    log.debug(
      { method, path: pathOf(url), status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'HTTP request',
    );
  });
  app.setErrorHandler((error, request, reply) => {
    const failure = asFailure(error);
    if (failure.status >= 500) logFailure(log, `${request.method} ${pathOf(request.url)}`, failure, error);
    return sendFailure(reply, failure);
  });
  app.setNotFoundHandler((request, reply) => {
    const message = `There is no ${request.method} ${pathOf(request.url)}`;
    const hint = 'GET /api/openapi.json lists what there is.';
    return sendFailure(reply, new HttpFailure(404, { code: 'no-such-route', message, hint }));
  });

  const routes = allRoutes({ ports, clock, log, closing: closing.signal });
  const fileTypes = new Set(routes.flatMap(({ file }) => file?.types ?? []));
  // A route that takes no file finds bytes where it wants JSON, or nothing, and says so.
  if (fileTypes.size > 0)
    app.addContentTypeParser([...fileTypes], { parseAs: 'buffer' }, (_, bytes, done) => done(null, bytes));
  for (const route of routes) addRoute(app, route);
  return app;

  function addRoute(to: typeof app, route: Route): void {
    to.route({
      method: route.method,
      url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      config: { open: route.open },
      ...(route.file ? { bodyLimit: route.file.maxBytes } : {}),
      // The head of an answer without an end would never have been sent.
      exposeHeadRoute: !route.endless,
      handler: async ({ params, query, body, headers, url }, reply) =>
        send(reply, await route.answer({ parameters: params, query, body, headers, url })),
    });
  }
}

/** Its part of a request. */
interface Asking {
  readonly socket: { readonly remoteAddress?: string | undefined };
  readonly headers: Parameters<Access>[0]['headers'];
  readonly routeOptions: { readonly config?: { readonly open?: boolean } };
}

const refusal = (judge: Access, { socket, headers, routeOptions }: Asking): HttpFailure | undefined =>
  judge({ address: socket.remoteAddress, headers, open: routeOptions.config?.open ?? false });

const pathOf = (url: string): string => url.split('?', 1)[0] ?? '';

function logFailure(log: Logger, request: string, failure: HttpFailure, error: unknown): void {
  if (failure.status === 500) log.error({ err: error, request }, 'HTTP request failed');
  else log.warn({ request, why: failure.message }, 'HTTP request not served');
}

const sendFailure = (reply: FastifyReply, failure: HttpFailure): FastifyReply =>
  send(reply, { ...jsonReply(failureBody(failure), failure.status), headers: failure.headers });

function send(reply: FastifyReply, { status, type, body, headers = {} }: Reply): FastifyReply {
  // Answers tell of people and their calls: no cache keeps them.
  void reply.code(status).headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers });
  if (type !== undefined) void reply.type(type);
  return reply.send(body);
}
