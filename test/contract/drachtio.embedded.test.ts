import { startEmbeddedSip } from '../../src/embedded/sip/index.ts';
import { drachtioContract } from './drachtio.ts';

/** A twentieth of the usual patience, so that timeouts take seconds. */
const T1 = 25;

drachtioContract('embedded', {
  t1: T1,
  async open({ SIP_TLS_CERT: cert, SIP_TLS_KEY: key, SIP_TLS_CA: ca }) {
    const sip = await startEmbeddedSip({
      listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0', 'ws://127.0.0.1:0', 'tls://127.0.0.1:0'],
      tls: { cert, key, ca },
      timers: { t1: T1, t2: 8 * T1, t4: 10 * T1, d: 64 * T1 },
    });
    return {
      host: sip.host,
      port: sip.port,
      secret: sip.secret,
      close: () => sip.close(),
      async alive() {
        const { dialogs, incoming, outgoing, proxied, transactions, clients } = await sip.stats();
        return { calls: { dialogs, incoming, outgoing, proxied, clients }, transactions: { ...transactions } };
      },
    };
  },
});
