import type { HttpOptions, HttpServer } from './ports.ts';

/**
 * Serves the API.
 * @throws UserError `port-in-use`, `port-forbidden`, `http-listen` when it cannot listen
 */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  throw new Error(`not yet: ${options.listen.port}`);
}
