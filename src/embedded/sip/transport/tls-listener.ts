import { isIP } from 'node:net';
import { checkServerIdentity, connect, createServer } from 'node:tls';
import type { OpenListener } from './listener.ts';
import { StreamFramer } from './stream-framer.ts';
import { openStreams } from './stream-listener.ts';
import { TlsCertificates, type TlsFiles } from './tls-certificates.ts';

/**
 * Opens a TLS server (RFC 3261 §26.2, RFC 5922). Phones show no certificate, they have their passwords. Whom we connect to must show a valid one for the name that
 * he was looked up by, or for his address where there was no name; else it is a peer who cannot be reached.
 * @param warn of renewed files that cannot be used
 * @throws UserError `sip-tls`
 */
export const openTls =
  (files: TlsFiles, warn: (message: string) => void): OpenListener =>
  async (at, listening) => {
    const certificates = new TlsCertificates(files, listening.clock, warn);
    return openStreams(at, listening, {
      framing: ({ bodyBytes }) => new StreamFramer(bodyBytes),
      createServer(accept) {
        const server = createServer(certificates.serverOptions(listening.limits), accept);
        certificates.keepFresh(server);
        server.maxConnections = listening.limits.connections;
        server.on('tlsClientError', () => listening.sink.dropped('handshake'));
        return server;
      },
      outgoing: {
        established: 'secureConnect',
        connect({ address, port, name = address }, from) {
          return connect({
            ...{ host: address, port, secureContext: certificates.current.secureContext },
            // An address may not stand there (RFC 6066 §3).
            ...(isIP(name) === 0 ? { servername: name } : {}),
            ...(from === undefined ? {} : { localAddress: from }),
            checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
          });
        },
      },
    });
  };
