import { UserError } from '../errors.ts';

/** What a request is refused with: the status, and a body of `{code, message, hint}`. */
export class HttpFailure extends UserError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    failure: {
      readonly code: string;
      readonly message: string;
      readonly hint?: string;
      readonly headers?: Readonly<Record<string, string>>;
    },
  ) {
    super(failure.code, failure.message, failure.hint);
    this.name = 'HttpFailure';
    this.status = status;
    this.headers = failure.headers ?? {};
  }
}

export const failureBody = ({ code, message, hint }: UserError) => ({
  code,
  message,
  ...(hint === undefined ? {} : { hint }),
});

/**
 * What went wrong, as the client is told. A bug keeps its text and stack for the log: the client learns nothing about our insides.
 * @param awayBackend `HttpPorts.awayBackend`
 */
export function failureOf(error: unknown, awayBackend: (error: unknown) => string | undefined): HttpFailure {
  if (error instanceof HttpFailure) return error;
  const away = awayBackend(error);
  if (away !== undefined) {
    const hint = 'Try again later. GET /readyz tells what works.';
    return new HttpFailure(503, { code: 'backend-away', message: `${away} cannot be reached now`, hint });
  }
  if (error instanceof UserError && blamed.has(error.code)) return new HttpFailure(400, failureBody(error));
  if (error instanceof UserError && unable.has(error.code)) return new HttpFailure(503, failureBody(error));
  return ofFramework(error) ?? internal;
}

/** Errors of the ports that the client's request has caused. */
const blamed: ReadonlySet<string> = new Set(['bad-cursor', 'fax-document', 'fax-number', 'fax-line']);
/** What this node lacks. */
const unable: ReadonlySet<string> = new Set(['fax-poppler', 'fax-unavailable']);

const internal = new HttpFailure(500, {
  code: 'internal',
  message: 'The node could not answer this request',
  hint: 'Its log says why.',
});

/** Requests that fastify does not let through to a route. */
function ofFramework(error: unknown): HttpFailure | undefined {
  const { statusCode } = error as { readonly statusCode?: unknown };
  if (statusCode === 413) {
    return new HttpFailure(413, { code: 'body-too-large', message: 'The body of the request is too large' });
  }
  if (statusCode === 414) return new HttpFailure(414, { code: 'bad-path', message: 'A part of the path is too long' });
  if (statusCode === 415) {
    const hint =
      'Send "Content-Type: application/json", or no body; what is to be faxed as "application/pdf" or "image/tiff".';
    return new HttpFailure(415, {
      code: 'bad-body',
      message: 'The body of the request is of a kind that is not taken',
      hint,
    });
  }
  if (error instanceof Error && 'code' in error && error.code === 'FST_ERR_BAD_URL') {
    return new HttpFailure(400, { code: 'bad-path', message: 'The path cannot be decoded' });
  }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new HttpFailure(statusCode, { code: 'bad-body', message: 'The body of the request cannot be read as JSON' });
  }
  return undefined;
}
