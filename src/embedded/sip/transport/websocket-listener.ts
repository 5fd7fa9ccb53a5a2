import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { ListenAddress } from './listen-address.ts';
import type { Listener, ListenerContext, OpenListener } from './listener.ts';
import { openStreams } from './stream-listener.ts';
import { TlsCertificates, type TlsFiles } from './tls-certificates.ts';
import { WebSocketFramer } from './websocket-framer.ts';
import { upgradeToSip } from './websocket-upgrade.ts';

/**
 * Opens a server of WebSockets (RFC 7118). Phones there connect to us, never we to them: what is for one goes by the connection that it has.
 * @throws UserError
 */
export const openWs = (at: ListenAddress, context: ListenerContext): Promise<Listener> =>
  openStreams(at, context, {
    framing: ({ bodyBytes }) => new WebSocketFramer(bodyBytes),
    createServer(accept) {
      const server = createServer();
      server.maxConnections = context.limits.connections;
      upgradeToSip(server, 'connection', context, accept);
      return server;
    },
  });

/**
 * The same over TLS, which browsers want of pages that came by HTTPS.
 * @param warn of renewed files that cannot be used
 * @throws UserError `sip-tls`
 */
export const openWss =
  (files: TlsFiles, warn: (message: string) => void): OpenListener =>
  async (at, context) => {
    const certificates = new TlsCertificates(files, context.clock, warn);
    return openStreams(at, context, {
      framing: ({ bodyBytes }) => new WebSocketFramer(bodyBytes),
      createServer(accept) {
        const server = createSecureServer(certificates.serverOptions(context.limits));
        certificates.keepFresh(server);
        server.maxConnections = context.limits.connections;
        server.on('tlsClientError', () => context.sink.dropped('handshake'));
        upgradeToSip(server, 'secureConnection', context, accept);
        return server;
      },
    });
  };
