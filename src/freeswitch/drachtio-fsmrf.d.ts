/**
 * What we use of drachtio-fsmrf 4.1.2, typed as it behaves; it has no types of its own. What its callers must know:
 * - `connect` never settles when the password is wrong, and throws out of a socket's listener (which ends the process) when the profile is
 *   missing: `check.ts` asks the server for both before.
 * - It listens on a public address for FreeSWITCH's connections unless it is told where, and gives up after a second.
 * - A lost connection is tried again with pauses that grow without end: `server.ts` gives it up and makes a new one.
 * - `Endpoint#execute` never settles when the channel ends meanwhile, `destroy` not without a BYE: `channel.ts` waits for the end as well.
 */
declare module 'drachtio-fsmrf' {
  import type { Socket } from 'node:net';

  export interface EslEvent {
    getHeader(name: string): string | undefined;
    getBody(): string | undefined;
  }

  export interface EslConnection {
    readonly socket: Socket | null;
    /** Writes a command and its headers. */
    send(command: string, headers?: Readonly<Record<string, unknown>> | null): void;
    connected(): boolean;
    /** Of the channel when it connected to us. */
    getInfo(): EslEvent;
    /** The list is changed: give it one of its own. */
    subscribe(events: string[], done: () => void): void;
    on(event: string, listener: (event: EslEvent) => void): void;
    removeListener(event: string, listener: (event: EslEvent) => void): void;
  }

  /** What it calls a dialog: whatever `createUAC` has returned. */
  export interface FsmrfDialog {
    readonly remote: { readonly sdp: string };
    destroy(): void;
  }

  export interface FsmrfSrf<D extends FsmrfDialog> {
    createUAC(
      uri: string,
      options: { readonly headers: Readonly<Record<string, string>>; readonly localSdp: string },
    ): Promise<D>;
  }

  export interface FsmrfEndpoint<D extends FsmrfDialog> {
    readonly uuid: string;
    readonly dialog: D;
    readonly conn: EslConnection | null;
    /** Resolves when the application is over. */
    execute(application: string, argument: string): Promise<EslEvent>;
    api(command: string, argument: readonly string[]): Promise<EslEvent>;
    getChannelVariables(withMedia: true): Promise<Readonly<Record<string, string | number>>>;
    once(event: 'destroy', listener: () => void): void;
  }

  export interface FsmrfServer<D extends FsmrfDialog> {
    /** Of the last HEARTBEAT, which comes every 20 s; 0 before. */
    readonly maxSessions: number;
    readonly currentSessions: number;
    connected(): boolean;
    /** Ours to FreeSWITCH's event socket. */
    readonly conn: EslConnection;
    /** Takes what FreeSWITCH connects to us, one for each channel. */
    readonly _server: { on(event: 'connection::open', listener: (connection: EslConnection) => void): void };
    api(command: string): Promise<string>;
    createEndpoint(options: { remoteSdp: string; headers: Record<string, string> }): Promise<FsmrfEndpoint<D>>;
    disconnect(): void;
    on(event: 'end', listener: () => void): void;
  }

  export default class Mrf<D extends FsmrfDialog> {
    constructor(srf: FsmrfSrf<D>);
    connect(options: {
      address: string;
      port: number;
      secret: string;
      listenAddress: string;
      profile: string;
    }): Promise<FsmrfServer<D>>;
  }
}
