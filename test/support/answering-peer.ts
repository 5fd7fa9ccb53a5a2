import { RawPhone } from './raw-phone.ts';

/**
 * A program: a peer that answers all that it is sent over UDP, OPTIONS and calls, at once, and is there to be killed. Prints the port that it has.
 *
 *     node answering-peer.ts <port of the engine on 127.0.0.1>
 */
const [port] = process.argv.slice(2);
const peer = await RawPhone.open({
  user: 'peer',
  domain: 'peer.test',
  server: { host: '127.0.0.1', port: Number(port) },
});
console.log(`port ${peer.port}`);

/** Nobody listens to what is said. */
const sdp =
  'v=0\r\no=peer 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n';
const FOR_EVER_MS = 2 ** 31 - 1;

for (let at = 0; ; at++) {
  const { item } = await peer.received.find('a message', () => true, at, FOR_EVER_MS);
  if (item.kind !== 'request' || item.method === 'ACK') continue;
  peer.answer(item, '200 OK', item.method === 'INVITE' ? { body: sdp } : {});
}
