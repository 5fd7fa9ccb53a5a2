import { createSocket } from 'node:dgram';
import { parentPort } from 'node:worker_threads';

/**
 * The peers of all trunks and the registrar of all accounts, in a thread of their own and written for speed: one socket that answers on every address of the
 * loopback network. OPTIONS get 200, a REGISTER is challenged and then granted as long as it asks for. Each message to the thread is answered with what was
 * asked since the one before.
 */
export interface Asked {
  readonly options: number;
  /** Those that were granted. */
  readonly registers: number;
}

const port = parentPort;
if (port) serve(port);

function serve(asker: NonNullable<typeof parentPort>): void {
  let [options, registers] = [0, 0];
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
  socket.on('message', (bytes, from) => {
    const text = bytes.toString('latin1');
    const copied = text.match(/^(?:Via|From|Call-ID|CSeq): .*\r\n/gim)?.join('') ?? '';
    const to = `${/^To: [^\r]*/im.exec(text)?.[0]};tag=peer\r\n`;
    let head = 'SIP/2.0 200 OK';
    let more = '';
    if (text.startsWith('OPTIONS ')) options++;
    else if (!text.startsWith('REGISTER ')) return;
    else if (/^Authorization:/im.test(text)) {
      registers++;
      more = text.match(/^(?:Contact|Expires): .*\r\n/gim)?.join('') ?? '';
    } else {
      head = 'SIP/2.0 401 Unauthorized';
      more = 'WWW-Authenticate: Digest realm="bench.example", nonce="n", algorithm=MD5, qop="auth"\r\n';
    }
    socket.send(`${head}\r\n${copied}${to}${more}Content-Length: 0\r\n\r\n`, from.port, from.address);
  });
  socket.bind(0, '0.0.0.0', () => asker.postMessage(socket.address().port));
  asker.on('message', () => {
    asker.postMessage({ options, registers } satisfies Asked);
    [options, registers] = [0, 0];
  });
}
