import Srf from 'drachtio-srf';

/** What the contract uses of drachtio-srf, typed as it behaves. */
export interface Message {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  get(name: string): string | undefined;
  has(name: string): boolean;
}

export interface Request extends Message {
  readonly method: string;
  readonly uri: string;
  readonly source: string;
  readonly source_address: string;
  readonly source_port: number;
  readonly protocol: string;
  readonly receivedOn: string;
  on(event: 'cancel', listener: (cancel: Message) => void): void;
  on(event: 'response', listener: (response: Response, ack: () => void) => void): void;
  cancel(options: { headers?: Record<string, string> }, callback: (error: unknown, cancel?: Message) => void): void;
}

export interface Response extends Message {
  readonly status: number;
  readonly reason: string;
  readonly source_address: string;
  readonly source_port: number;
  send(
    status: number,
    options?: { headers?: Record<string, string>; body?: string },
    sent?: (error: unknown, response?: Message) => void,
    acknowledged?: (request: Request) => void,
  ): void;
}

export type DialogEvent = 'info' | 'message' | 'options' | 'update' | 'refer' | 'notify' | 'modify';

export interface Dialog {
  readonly id: string;
  readonly sip: { readonly callId: string; readonly localTag: string; readonly remoteTag: string };
  readonly local: { readonly sdp: string; readonly contact: string };
  readonly remote: { readonly uri: string; readonly sdp: string };
  readonly req: Request;
  readonly res: Response;
  on(event: 'destroy', listener: (request: Message, reason?: string) => void): void;
  on(event: 'ack' | 'hold' | 'unhold' | 'refresh', listener: (request: Message) => void): void;
  on(event: DialogEvent, listener: (request: Request, response: Response) => void): void;
  modify(sdp: string): Promise<string>;
  request(options: { method: string; headers?: Record<string, string>; body?: string }): Promise<Response>;
  destroy(options?: { headers?: Record<string, string> }): Promise<Message>;
}

export interface UacOptions {
  readonly localSdp?: string;
  readonly headers?: Record<string, string>;
  readonly proxy?: string;
  readonly callingNumber?: string;
  readonly auth?: { username: string; password: string };
  readonly followRedirects?: boolean;
  readonly noAck?: boolean;
  readonly method?: string;
}

export interface Progress {
  readonly cbRequest?: (error: unknown, request: Request) => void;
  readonly cbProvisional?: (response: Response) => void;
}

export interface DelayedAnswer {
  readonly sdp: string;
  ack(sdp: string): Promise<Dialog>;
}

export interface Client {
  connect(options: { host: string; port: number; secret: string }): void;
  disconnect(): void;
  on(event: 'connect', listener: (error: Error | null, hostports: string, version: string) => void): void;
  on(event: 'error' | 'close', listener: (error?: Error) => void): void;
  use(method: string, handler: (request: Request, response: Response) => void): void;
  createUAS(
    request: Request,
    response: Response,
    options: { localSdp?: string; headers?: Record<string, string> },
  ): Promise<Dialog>;
  createUAC(uri: string, options: UacOptions & { noAck: true }, progress?: Progress): Promise<DelayedAnswer>;
  createUAC(uri: string, options: UacOptions, progress?: Progress): Promise<Dialog>;
  createB2BUA(
    request: Request,
    response: Response,
    uri: string,
    options: { localSdpB?: string; proxy?: string },
  ): Promise<{ uas: Dialog; uac: Dialog }>;
  proxyRequest(
    request: Request,
    targets: string | string[],
    options: { recordRoute?: boolean; forking?: 'simultaneous' },
  ): Promise<{ connected: boolean; finalStatus: number; responses: { msgs: { status: number }[] }[] }>;
  request(
    uri: string,
    options: {
      method: string;
      headers?: Record<string, string>;
      body?: string;
      proxy?: string;
      auth?: { username: string; password: string };
    },
  ): Promise<Request>;
  findDialogByCallIDAndFromTag(callId: string, tag: string): Dialog | undefined;
}

export const newClient = (): Client => new (Srf as unknown as new () => Client)();

/** Connects. @returns what the server says where it listens: `udp/127.0.0.1:5060,…` */
export function connect(
  client: Client,
  server: { host: string; port: number; secret: string },
): Promise<{ hostports: string; version: string }> {
  return new Promise((resolve, reject) => {
    client.on('error', reject);
    client.on('connect', (error, hostports, version) => (error ? reject(error) : resolve({ hostports, version })));
    client.connect(server);
  });
}

/** The final response to a request that was sent by `Client.request`. */
export const finalResponse = (request: Request): Promise<Response> =>
  new Promise((resolve) => {
    request.on('response', (response) => {
      if (response.status >= 200) resolve(response);
    });
  });
