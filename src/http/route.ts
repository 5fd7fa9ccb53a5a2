import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { HttpFailure } from './failure.ts';

/**
 * One operation of the API, said once: fastify serves it, the OpenAPI document tells of it, and requests are checked by the same schemas.
 */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** As OpenAPI writes it: `/api/pbxs/{pbx}/calls`. */
  readonly path: string;
  readonly summary: string;
  /** Needs no token. */
  readonly open: boolean;
  readonly parameters: z.ZodObject;
  readonly query: z.ZodObject;
  /** What it is to be told, in JSON; undefined: it takes no body, or `file`. */
  readonly body: z.ZodType | undefined;
  /** The body is a file of one of these media types, with so many bytes at most. */
  readonly file: BodyFile | undefined;
  /** Its answer has no end of its own. */
  readonly endless: boolean;
  /** What it may answer, by status; failures of every kind besides. */
  readonly answers: Readonly<Record<number, AnswerForm>>;
  /** @throws HttpFailure, or what its ports reject with */
  answer(request: RawRequest): Promise<Reply>;
}

export interface BodyFile {
  readonly types: readonly string[];
  readonly maxBytes: number;
}

export interface AnswerForm {
  readonly description: string;
  /** Schema by media type; of what is not JSON, undefined. */
  readonly content: Readonly<Record<string, z.ZodType | undefined>>;
}

/** A request as it came. */
export interface RawRequest {
  readonly parameters: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly headers: IncomingHttpHeaders;
  /** Path and query. */
  readonly url: string;
}

export interface Reply {
  readonly status: number;
  /** Media type; undefined: there is no body. */
  readonly type?: string;
  readonly body?: string | Readable;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RouteRequest<Parameters, Query, Body> {
  readonly parameters: Parameters;
  readonly query: Query;
  readonly body: Body;
  readonly headers: IncomingHttpHeaders;
  readonly url: string;
}

export interface RouteDefinition<P extends z.ZodRawShape, Q extends z.ZodRawShape, B extends z.ZodType>
  extends Pick<Route, 'method' | 'path' | 'summary' | 'answers'> {
  /** The handler gets its bytes as `body`. */
  readonly file?: BodyFile;
  readonly open?: boolean;
  readonly endless?: boolean;
  readonly parameters?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly handle: (
    request: RouteRequest<z.output<z.ZodObject<P>>, z.output<z.ZodObject<Q>>, z.output<B>>,
  ) => Reply | Promise<Reply>;
}

export function route<
  P extends z.ZodRawShape = Record<never, z.ZodType>,
  Q extends z.ZodRawShape = Record<never, z.ZodType>,
  B extends z.ZodType = z.ZodUndefined,
>(definition: RouteDefinition<P, Q, B>): Route {
  const { method, path, summary, answers, open = false, endless = false, handle } = definition;
  const parameters = z.strictObject((definition.parameters ?? {}) as P);
  const query = z.strictObject((definition.query ?? {}) as Q);
  return {
    method,
    path,
    summary,
    answers,
    open,
    endless,
    parameters,
    query,
    body: definition.body,
    file: definition.file,
    async answer({ headers, url, ...raw }) {
      if (!definition.body && !definition.file) noBody(raw.body);
      return handle({
        parameters: valid('the path', parameters, raw.parameters),
        query: valid('the query', query, raw.query),
        body: definition.body ? valid('the body', definition.body, raw.body) : (raw.body as z.output<B>),
        headers,
        url,
      });
    },
  };
}

export const jsonReply = (body: unknown, status = 200): Reply => ({
  status,
  type: 'application/json; charset=utf-8',
  body: JSON.stringify(body),
});

/** An answer in JSON. */
export const inJson = (description: string, schema: z.ZodType): AnswerForm => ({
  description,
  content: { 'application/json': schema },
});

function valid<S extends z.ZodType>(where: string, schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path: [name], message }) =>
    name === undefined ? message : `"${String(name)}": ${message}`,
  );
  throw new HttpFailure(400, {
    code: 'bad-request',
    message: `Wrong in ${where}: ${problems.join('; ')}`,
    hint: 'GET /api/openapi.json tells what the request may say.',
  });
}

/** Whoever sends a body to an operation that takes none means something by it, and must not be left to think that it was done. */
function noBody(body: unknown): void {
  if (body === undefined || body === null || body === '') return;
  if (typeof body === 'object' && Object.keys(body).length === 0) return;
  throw new HttpFailure(400, {
    code: 'bad-body',
    message: 'This operation takes no body',
    hint: 'Send none, or {}.',
  });
}
