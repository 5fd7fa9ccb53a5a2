import Srf from 'drachtio-srf';

/**
 * What we use of drachtio-srf 5.0.29, typed as it behaves: its own types are half missing and partly wrong. Nothing of this leaves the folder.
 *
 * What its callers must know:
 * - Promise forms of `createUAS` and `createUAC` lose a BYE that arrives with the answer: frames of one TCP chunk are handled in one go,
 *   before the promise's continuation. So the callback forms are used, and listeners attached in the callback.
 * - `Dialog#modify` never settles any call after one that was refused; `Dialog#request` with INVITE does the same without the queue.
 * - Answers that the connection's loss swallows never come: nobody may wait for one alone.
 * - A `hold`, `unhold` or `refresh` listener makes it answer re-INVITEs itself. We attach none.
 */
export interface DrachtioMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  get(name: string): string | undefined;
  has(name: string): boolean;
}

export interface DrachtioRequest extends DrachtioMessage {
  readonly method: string;
  readonly uri: string;
  readonly source: 'network' | 'application';
  /** `ws` and `wss` are reported as `tcp`. */
  readonly protocol: string;
  readonly source_address: string;
  readonly source_port: number;
  readonly stackDialogId: string | undefined;
  on(event: 'cancel', listener: (cancel: DrachtioMessage) => void): void;
  /** Of a request that we sent. Sends CANCEL, held back until there is a 1xx. */
  cancel(options: { headers: Record<string, string> }, callback: (error: unknown) => void): void;
}

export interface DrachtioResponse extends DrachtioMessage {
  readonly status: number;
  readonly reason: string;
  readonly source_address: string;
  readonly source_port: number;
  readonly protocol: string;
  readonly finalResponseSent: boolean;
  /** Of an answer of ours, from `sent` on: the dialog that it has made. */
  readonly stackDialogId: string | undefined;
  /**
   * @param status one that the library knows, else it throws
   * @param acknowledged called with the PRACK of a reliable provisional response
   */
  send(
    status: number,
    reason: string | undefined,
    options: { headers?: Record<string, string>; body?: string },
    /** `error` is a plain string when the server said no; `response` is what went out. */
    sent?: (error: unknown, response?: DrachtioMessage) => void,
    acknowledged?: (prack: DrachtioRequest) => void,
  ): void;
}

export interface DrachtioDialog {
  readonly id: string;
  readonly sip: { readonly callId: string; readonly localTag: string; readonly remoteTag: string };
  readonly local: { sdp: string | undefined; readonly contact: string | undefined };
  readonly remote: { readonly uri: string; readonly sdp: string | undefined };
  on(event: 'destroy', listener: (request: DrachtioRequest) => void): void;
  on(event: 'ack', listener: (request: DrachtioRequest) => void): void;
  on(event: DialogRequest, listener: (request: DrachtioRequest, response: DrachtioResponse) => void): void;
  /** Resolves to the final response. ACKs an INVITE. */
  request(options: { method: string; headers?: Record<string, string>; body?: string }): Promise<DrachtioResponse>;
}

/** Requests inside a dialog for which the library waits for our answer as soon as there is a listener. */
export type DialogRequest =
  | 'modify'
  | 'update'
  | 'info'
  | 'notify'
  | 'refer'
  | 'options'
  | 'message'
  | 'publish'
  | 'subscribe';

/** Sent by the library when a call is refused; `res` is missing where it made the failure up itself. */
export interface DrachtioRefusal extends Error {
  readonly status: number;
  readonly reason?: string;
  readonly res?: DrachtioResponse;
}

export const isRefusal = (error: unknown): error is DrachtioRefusal =>
  error instanceof Error && 'status' in error && typeof error.status === 'number';

export interface DrachtioSrf {
  connect(options: {
    host: string;
    port: number;
    secret: string;
    /** `maxAttempts: 1`: it does not reconnect by itself, on timers that nobody can stop. */
    reconnect: { maxAttempts: 1 };
    /** As `tls.connect` of Node takes them. */
    tls?: { ca?: string };
  }): void;
  /** Throws when there is no connection. */
  disconnect(): void;
  /** Where the server listens, as it advertises itself and as it really does: `udp/192.0.2.1:5060,tcp/…`. */
  on(
    event: 'connect',
    listener: (error: Error | null, hostports?: string, version?: string, localHostports?: string | null) => void,
  ): void;
  on(event: 'error', listener: (error: Error) => void): void;
  on(event: 'close', listener: () => void): void;
  /** With a method, the server is asked to route such requests to us. */
  use(method: string, handler: (request: DrachtioRequest, response: DrachtioResponse) => void): void;
  use(handler: (request: DrachtioRequest, response: DrachtioResponse) => void): void;
  createUAS(
    request: DrachtioRequest,
    response: DrachtioResponse,
    options: { localSdp: string; headers: Record<string, string> },
    callback: (error: unknown, dialog?: DrachtioDialog) => void,
  ): void;
  createUAC(
    options: {
      uri: string;
      proxy?: string;
      headers: Record<string, string>;
      localSdp: string;
    },
    progress: {
      cbRequest: (error: unknown, request?: DrachtioRequest) => void;
      cbProvisional: (response: DrachtioResponse) => void;
    },
    callback: (error: unknown, dialog?: DrachtioDialog) => void,
  ): void;
  /** A request outside of the library's dialogs. `sent`: with the request when the server has taken it; its `response` comes once, unless the connection breaks. */
  request(
    uri: string,
    options: {
      method: string;
      headers: Record<string, string>;
      proxy?: string;
      /** Inside this dialog; the URI is then the server's affair. */
      stackDialogId?: string;
      body?: string;
    },
    sent: (error: unknown, request?: DrachtioClientRequest) => void,
  ): void;
  removeDialog(dialog: DrachtioDialog): void;
}

export interface DrachtioClientRequest extends DrachtioRequest {
  on(event: 'cancel', listener: (cancel: DrachtioMessage) => void): void;
  on(event: 'response', listener: (response: DrachtioResponse) => void): void;
}

export const newSrf = (tags: readonly string[] = []): DrachtioSrf =>
  new (Srf as unknown as new (tags: readonly string[]) => DrachtioSrf)(tags);

/** Codes that `send` knows; it throws for any other, which then stands for the x00 of its class (RFC 3261 §8.1.3.2). */
const KNOWN = new Set(
  `180 183 200 202 300 301 302 305 380 400 401 402 403 404 405 406 407 408 409 410 411 412 413 414 415 416 417 420 421 422 423 424
  428 429 430 433 436 437 438 439 470 480 481 482 483 484 485 486 487 488 489 491 493 494 500 501 502 503 504 505 513 580 600 603
  604 606`
    .split(/\s+/)
    .map(Number),
);

export const sendableStatus = (status: number): number => (KNOWN.has(status) ? status : Math.trunc(status / 100) * 100);
