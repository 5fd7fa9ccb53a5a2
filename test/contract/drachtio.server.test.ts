import { describe, it } from 'vitest';
import { drachtioOf, startDrachtio } from '../support/drachtio-server.ts';
import { drachtioContract, type Skip } from './drachtio.ts';

/** What we do better than drachtio-server 0.9.10; measured on it. */
const SKIPS: readonly Skip[] = [
  {
    test: 'provisional responses to a re-INVITE of the application harm nobody',
    why: 'the original drops the 200 that follows (drachtio-server issue 151)',
  },
  {
    test: 'several phones ring; the one that answers second is acknowledged and hung up',
    why: 'the original takes it for a repeat and acknowledges it with the wrong tag',
  },
  {
    test: 'an answer without a Contact fails the call, and is acknowledged and hung up',
    why: 'the original leaves the peer without ACK',
  },
  { test: 'a phone that says nothing fails with 408', why: 'the original sends the INVITE six times, not seven' },
  {
    test: 'NOTIFY of the application goes to the peer, and its answer comes back',
    why: 'the original sends it without the Contact that RFC 6665 §8.2.1 asks for',
  },
  {
    test: 'a re-INVITE of the peer is answered by the application, provisionally first',
    why: 'the original forgets the transaction with the provisional response, and refuses with 500',
  },
  {
    test: 're-INVITEs that cross: the peer gets 491, the application too',
    why: 'the original hands the one of the peer to the application',
  },
  { test: 'a request of the peer with an old number gets 500', why: 'the original accepts it' },
  {
    test: 'REFER of a peer is answered by the application',
    why: 'the original discards it outside a dialog (processMessageStatelessly does not list the method)',
  },
  { test: 'a new Contact of the peer moves the dialog', why: 'the original ignores it' },
  { test: 'a Call-ID that would break the protocol is refused', why: 'the original passes it on' },
];

const { DRACHTIO: address, DRACHTIO_BINARY: binary } = process.env;

if (address !== undefined) {
  drachtioContract(`at ${address.split(':').slice(0, 2).join(':')}`, {
    t1: 500,
    skips: SKIPS,
    open: async () => ({ ...drachtioOf(address), close: async () => undefined }),
  });
} else if (binary) {
  drachtioContract('a server of its own', {
    t1: 500,
    skips: SKIPS,
    async open(files) {
      const listen = 'udp://127.0.0.1:0,ws://127.0.0.1:0,tls://127.0.0.1:0';
      const server = await startDrachtio(binary, { ...files, SIP_LISTEN: listen });
      return { ...drachtioOf(server.address), close: async () => server[Symbol.asyncDispose]() };
    },
  });
} else {
  describe('drachtio: a server', () => {
    it.skip(
      'contract – skipped: set DRACHTIO_BINARY to the program of a drachtio server, or DRACHTIO=host:port:secret to run it against one on this machine',
    );
  });
}
