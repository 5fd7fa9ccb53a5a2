import { UserError } from '../errors.ts';
import { type DrachtioRequest, type DrachtioResponse, type DrachtioSrf, newSrf } from './drachtio.ts';

/** A drachtio server's port for applications. */
export interface DrachtioAddress {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
}

/** `DRACHTIO=host:port:secret`. IPv6 stands in brackets. @throws UserError `bad-drachtio` */
export function parseDrachtioAddress(text: string): DrachtioAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+)):(\d{1,5}):(\S+)$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (!match || host === undefined || port < 1 || port > 65_535) {
    throw new UserError(
      'bad-drachtio',
      'DRACHTIO is not usable',
      'Write it as host:port:secret, such as 127.0.0.1:9022:cymru.',
    );
  }
  return { host, port, secret: match[4] ?? '' };
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
  /** Resolves, with the cause, when the connection is gone, also by `close`. */
  readonly lost: Promise<string>;

  private constructor(srf: DrachtioSrf, listening: readonly string[], lost: Promise<string>) {
    this.srf = srf;
    this.listening = listening;
    this.lost = lost;
  }

  /**
   * @param onRequest gets every request that belongs to no dialog of ours
   * @throws UserError `sip-server-unreachable`, `sip-server-refused`
   */
  static open({ host, port, secret }: DrachtioAddress, onRequest: RequestHandler): Promise<DrachtioConnection> {
    const srf = newSrf();
    const take = (request: DrachtioRequest, response: DrachtioResponse) => onRequest(request, response, srf);
    srf.use(take);
    for (const method of ROUTED) srf.use(method, take);
    const where = `${host}:${port}`;
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
            'Start drachtio, or correct DRACHTIO.',
          ),
        );
      });
      srf.on('connect', (error, hostports) => {
        if (!error)
          return resolve(new DrachtioConnection(srf, (hostports ?? '').split(',').filter(Boolean), lost.promise));
        reject(
          new UserError(
            'sip-server-refused',
            `The SIP server at ${where} refused us`,
            'Correct the secret in DRACHTIO.',
          ),
        );
      });
      srf.connect({ host, port, secret, reconnect: { maxAttempts: 1 } });
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
