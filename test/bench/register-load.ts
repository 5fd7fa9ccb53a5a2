import { hash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * Many phones that register over UDP, in a thread of their own and written for speed: the load must not be what is measured. Each phone registers as
 * fast as it is answered; what is lost is sent again after half a second.
 */
export interface RegisterLoad {
  readonly host: string;
  readonly port: number;
  /** Users `phone00000` and up. */
  readonly users: number;
  readonly firstUser: number;
  readonly domain: string;
  readonly password: string;
  /** Phones that are under way at once. */
  readonly atOnce: number;
  /** `once`: every phone registers once. Otherwise milliseconds to go on for. */
  readonly until: 'once' | number;
  /** Phones use the nonce of their last registration again, as real ones do: one round trip instead of two. */
  readonly reuse: boolean;
}

export interface RegisterResult {
  readonly registered: number;
  readonly refused: number;
  readonly resent: number;
  readonly ms: number;
}

/** An answer to each REGISTER at once, without looking at it: the ceiling of the load itself. */
export interface AnswerAll {
  readonly answerAll: true;
}

interface Phone {
  readonly user: string;
  readonly ha1: string;
  readonly callId: string;
  cseq: number;
  nonce: string | undefined;
  count: number;
  sentAt: number;
  text: string;
}

const work = workerData as RegisterLoad | AnswerAll | undefined;
if (parentPort && work) 'answerAll' in work ? answerAll() : drive(work);

function drive(load: RegisterLoad): void {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
  const { host, port, domain, password } = load;
  const phones: Phone[] = Array.from({ length: load.users }, (_, at) => {
    const user = `phone${String(load.firstUser + at).padStart(5, '0')}`;
    const ha1 = hash('md5', `${user}:${domain}:${password}`);
    return {
      user,
      ha1,
      callId: randomBytes(8).toString('hex'),
      cseq: 0,
      nonce: undefined,
      count: 0,
      sentAt: 0,
      text: '',
    };
  });
  const byCallId = new Map(phones.map((phone) => [phone.callId, phone]));
  const underWay = new Set<Phone>();
  const waiting = [...phones];
  let [registered, refused, resent] = [0, 0, 0];
  let begun = 0;

  const send = (phone: Phone, text: string) => {
    phone.text = text;
    phone.sentAt = performance.now();
    socket.send(text, port, host);
  };

  const register = (phone: Phone) => {
    phone.cseq++;
    const branch = `z9hG4bK${phone.callId}${phone.cseq}`;
    const at = socket.address();
    let authorization = '';
    if (phone.nonce !== undefined) {
      const nc = (++phone.count).toString(16).padStart(8, '0');
      const ha2 = hash('md5', `REGISTER:sip:${domain}`);
      const response = hash('md5', `${phone.ha1}:${phone.nonce}:${nc}:c0ffee:auth:${ha2}`);
      authorization = `Authorization: Digest username="${phone.user}", realm="${domain}", nonce="${phone.nonce}", uri="sip:${domain}", response="${response}", algorithm=MD5, qop=auth, nc=${nc}, cnonce="c0ffee"\r\n`;
    }
    send(
      phone,
      `REGISTER sip:${domain} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${at.port};rport;branch=${branch}\r\nMax-Forwards: 70\r\nFrom: <sip:${phone.user}@${domain}>;tag=${phone.callId}\r\nTo: <sip:${phone.user}@${domain}>\r\nCall-ID: ${phone.callId}\r\nCSeq: ${phone.cseq} REGISTER\r\nContact: <sip:${phone.user}@127.0.0.1:${at.port}>\r\nExpires: 3600\r\nUser-Agent: load\r\n${authorization}Content-Length: 0\r\n\r\n`,
    );
  };

  const next = () => {
    const over = load.until !== 'once' && performance.now() - begun > load.until;
    const phone = over ? undefined : waiting.shift();
    if (phone) {
      underWay.add(phone);
      register(phone);
    } else if (underWay.size === 0) {
      clearInterval(again);
      socket.close();
      const result: RegisterResult = { registered, refused, resent, ms: performance.now() - begun };
      parentPort?.postMessage(result);
    }
  };

  socket.on('message', (bytes) => {
    const text = bytes.toString('latin1');
    const status = text.slice(8, 11);
    const phone = byCallId.get(/^call-id: (\S+)/im.exec(text)?.[1] ?? '');
    if (!phone || !underWay.has(phone) || !text.includes(`CSeq: ${phone.cseq} REGISTER`)) return;
    if (status === '401') {
      phone.nonce = /nonce="([^"]+)", algorithm=MD5/.exec(text)?.[1];
      phone.count = 0;
      register(phone);
      return;
    }
    if (status === '200') registered++;
    else refused++;
    if (!load.reuse) phone.nonce = undefined;
    underWay.delete(phone);
    if (load.until !== 'once') waiting.push(phone);
    next();
  });

  const again = setInterval(() => {
    const now = performance.now();
    for (const phone of underWay) {
      if (now - phone.sentAt < 500) continue;
      resent++;
      send(phone, phone.text);
    }
  }, 100);

  socket.bind(0, '127.0.0.1', () => {
    begun = performance.now();
    for (let at = 0; at < load.atOnce; at++) next();
  });
}

function answerAll(): void {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  socket.on('message', (bytes, { port, address }) => {
    const text = bytes.toString('latin1');
    const head = text.includes('\r\nAuthorization:')
      ? 'SIP/2.0 200 OK'
      : 'SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm="bench.example", nonce="n", algorithm=MD5, qop="auth"';
    const copied = text.match(/^(?:Via|From|To|Call-ID|CSeq): .*\r\n/gm)?.join('') ?? '';
    socket.send(`${head}\r\n${copied}Content-Length: 0\r\n\r\n`, port, address);
  });
  socket.bind(0, '127.0.0.1', () => parentPort?.postMessage({ port: socket.address().port }));
}
