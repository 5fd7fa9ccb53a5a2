import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  createServer,
  getCACertificates,
  type SecureContext,
  type SecureContextOptions,
} from 'node:tls';
import { errorText, UserError } from '../../../errors.ts';
import type { OpenListener } from './listener.ts';
import { openStreams, type StreamMaker } from './stream-listener.ts';

/** PEM files. */
export interface TlsFiles {
  /** Our certificate, with those between it and the authority behind it. */
  readonly cert: string;
  readonly key: string;
  /** Authorities that peers' certificates may come from, besides those that the system trusts; also a certificate that a peer has signed himself. */
  readonly ca?: string;
}

/**
 * Opens a TLS server (RFC 3261 §26.2, RFC 5922). Phones show no certificate, they have their passwords. Whom we connect to must show a valid one for the name that
 * he was looked up by, or for his address where there was no name; else it is a peer who cannot be reached.
 * @throws UserError `sip-tls`
 */
export const openTls =
  (files: TlsFiles): OpenListener =>
  async (at, listening) => {
    const { options, secureContext } = secured(files);
    const maker: StreamMaker = {
      createServer(accept) {
        const server = createServer({ ...options, handshakeTimeout: listening.limits.messageMs }, accept);
        server.maxConnections = listening.limits.connections;
        server.on('tlsClientError', () => listening.sink.dropped('handshake'));
        return server;
      },
      established: 'secureConnect',
      connect({ address, port, name = address }, from) {
        return connect({
          ...{ host: address, port, secureContext },
          // An address may not stand there (RFC 6066 §3).
          ...(isIP(name) === 0 ? { servername: name } : {}),
          ...(from === undefined ? {} : { localAddress: from }),
          checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
        });
      },
    };
    return openStreams(at, listening, maker);
  };

/** For the server the options, for what we connect to the context that is made of them: each takes only its own form. */
function secured({ cert, key, ca }: TlsFiles): { options: SecureContextOptions; secureContext: SecureContext } {
  const own = ca === undefined ? [] : [read('SIP_TLS_CA', ca)];
  const options: SecureContextOptions = {
    ...{ cert: read('SIP_TLS_CERT', cert), key: read('SIP_TLS_KEY', key) },
    ...{ minVersion: 'TLSv1.2', ca: [...getCACertificates('system'), ...own] },
  };
  try {
    return { options, secureContext: createSecureContext(options) };
  } catch (error) {
    throw new UserError(
      'sip-tls',
      `SIP over TLS cannot be served: ${errorText(error)}`,
      'SIP_TLS_CERT must be a certificate in PEM form, SIP_TLS_KEY the key that belongs to it, without a password; SIP_TLS_CA certificates of authorities.',
      { cause: error },
    );
  }
}

function read(variable: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(
      'sip-tls',
      `${variable} cannot be read: ${errorText(error)}`,
      'Name a PEM file that the engine may read.',
      {
        cause: error,
      },
    );
  }
}
