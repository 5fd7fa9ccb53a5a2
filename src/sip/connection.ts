import { UserError } from '../errors.ts';
import { type DrachtioRequest, type DrachtioResponse, type DrachtioSrf, newSrf } from './drachtio.ts';
import { hostText } from './party.ts';

/** A drachtio server's port for applications, and how to show oneself there. */
export interface DrachtioAddress {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  /** Encrypted; the server's certificate must be for `host`. `ca`: PEM, of authorities that it may come from; without one those that the system trusts. */
  readonly tls?: { readonly ca?: string };
  /** By which the server's own routing knows us. */
  readonly tags?: readonly string[];
}

export type RequestHandler = (request: DrachtioRequest, response: DrachtioResponse, srf: DrachtioSrf) => void;

/** The requests outside dialogs that we answer; the server answers all others by itself. Those inside dialogs come without asking. */
const ROUTED = [
  'invite',
  'register',
  'options',
  'subscribe',
  'publish',
  'message',
  'notify',
  'info',
  'refer',
  'update',
] as const;

/**
 * One connection to a drachtio server, from its making to its loss; after that it is of no use. A new one has a new Srf, so nothing of a
 * lost connection can be mistaken for something alive.
 */
export class DrachtioConnection {
  readonly srf: DrachtioSrf;
  /** As the server advertises itself: `udp/192.0.2.1:5060`. */
  readonly listening: readonly string[];
  /** The same for every node that is connected to this server, and another for every other server. */
  readonly serverId: string;
  /** Resolves, with the cause, when the connection is gone, also by `close`. */
  readonly lost: Promise<string>;

  private constructor(parts: Pick<DrachtioConnection, 'srf' | 'listening' | 'serverId' | 'lost'>) {
    this.srf = parts.srf;
    this.listening = parts.listening;
    this.serverId = parts.serverId;
    this.lost = parts.lost;
  }

  /**
   * @param onRequest gets every request that belongs to no dialog of ours
   * @param options.takes false: new requests go to other applications of the server, and what we begin is ours all the same
   * @throws UserError `sip-server-unreachable`, `sip-server-refused`
   */
  static open(
    address: DrachtioAddress,
    onRequest: RequestHandler,
    { takes = true }: { readonly takes?: boolean } = {},
  ): Promise<DrachtioConnection> {
    const { host, port, secret, tls, tags } = address;
    const srf = newSrf(tags);
    const take = (request: DrachtioRequest, response: DrachtioResponse) => onRequest(request, response, srf);
    srf.use(take);
    if (takes) for (const method of ROUTED) srf.use(method, take);
    const where = placeOf(address);
    return new Promise((resolve, reject) => {
      let cause = 'the server closed it';
      const lost = Promise.withResolvers<string>();
      srf.on('error', (error) => {
        cause = error.message || String(error);
      });
      srf.on('close', () => {
        lost.resolve(cause);
        reject(
          new UserError(
            'sip-server-unreachable',
            `No SIP server at ${where}: ${cause}`,
            tls
              ? 'Start drachtio with a tls-port, or correct DRACHTIO or DRACHTIO_CA.'
              : 'Start drachtio, or correct DRACHTIO.',
          ),
        );
      });
      srf.on('connect', (error, hostports = '', _version, localHostports) => {
        if (!error) {
          const listening = hostports.split(',').filter(Boolean);
          // Behind one address for all, servers differ by where they listen themselves.
          const serverId =
            localHostports && localHostports !== hostports ? `${hostports} ${localHostports}` : hostports;
          return resolve(new DrachtioConnection({ srf, listening, serverId, lost: lost.promise }));
        }
        reject(
          new UserError(
            'sip-server-refused',
            `The SIP server at ${where} refused us`,
            'Correct the secret in DRACHTIO.',
          ),
        );
      });
      srf.connect({ host, port, secret, reconnect: { maxAttempts: 1 }, ...(tls && { tls: { ...tls } }) });
    });
  }

  /** Idempotent. */
  close(): void {
    try {
      this.srf.disconnect();
    } catch {
      // It is gone already, and the library asserts that it is not.
    }
  }
}

/** `127.0.0.1:9022`, for the log. */
export const placeOf = ({ host, port }: Pick<DrachtioAddress, 'host' | 'port'>): string => `${hostText(host)}:${port}`;
