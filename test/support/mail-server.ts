import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** A letter as it came over the wire. */
export interface TakenMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string;
  readonly raw: string;
}

/** A reply that is no 250. */
export interface Refusal {
  readonly code: number;
  readonly text: string;
}

/** A real SMTP server on a socket of 127.0.0.1, which asks for a password and answers as the test says. */
export class MailServer {
  /** In the order of their acceptance. */
  readonly taken: TakenMail[] = [];
  /** Logins and sessions that came to nothing, too. */
  sessions = 0;
  password = 'Tea4two!';
  refuse: { sender?: Refusal; data?: Refusal; recipients: Record<string, Refusal> } = { recipients: {} };
  /** Bytes that it takes and announces; 0: no limit. */
  size = 0;
  port = 0;
  /** Awaited when a message has come in and before its 250. */
  beforeAccepting: () => Promise<void> = async () => undefined;
  #server: SMTPServer | undefined;

  static async start(): Promise<MailServer> {
    const server = new MailServer();
    await server.start();
    return server;
  }

  get url(): string {
    return `smtp://pbx:${encodeURIComponent(this.password)}@127.0.0.1:${this.port}`;
  }

  /** Again on the same port, if there was one. */
  async start(): Promise<void> {
    const server = new SMTPServer({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      // A session that hangs is cut off at the end.
      closeTimeout: 200,
      ...(this.size > 0 ? { size: this.size } : {}),
      onConnect: (_session, done) => {
        this.sessions++;
        done();
      },
      onAuth: ({ username = '', password }, _session, done) =>
        password === this.password
          ? done(null, { user: username })
          : done(smtpError({ code: 535, text: 'wrong password' })),
      onMailFrom: (_address, _session, done) => done(smtpError(this.refuse.sender)),
      onRcptTo: ({ address }, _session, done) => done(smtpError(this.refuse.recipients[address])),
      onData: (stream, { envelope, user }, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', async () => {
          const tooLarge = { code: 552, text: '5.3.4 message too large' };
          const refusal = smtpError(stream.sizeExceeded ? tooLarge : this.refuse.data);
          if (refusal) return done(refusal);
          this.taken.push({
            from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
            to: envelope.rcptTo.map(({ address }) => address),
            user: String(user),
            raw: Buffer.concat(chunks).toString('utf8'),
          });
          await this.beforeAccepting();
          done();
        });
      },
    });
    server.on('error', () => undefined);
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

function smtpError(refusal: Refusal | undefined): Error | null {
  return refusal ? Object.assign(new Error(refusal.text), { responseCode: refusal.code }) : null;
}

export interface ReadMail {
  /** By lower-case name, unfolded, encoded words decoded. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly attachments: readonly { readonly name: string; readonly type: string; readonly content: Buffer }[];
}

/** Takes a letter apart, as far as ours go: RFC 5322 headers, RFC 2047 words, one level of multipart. */
export function readMail({ raw }: Pick<TakenMail, 'raw'>): ReadMail {
  const { headers, body } = part(raw);
  const boundary = /boundary="?([^";]+)"?/.exec(headers['content-type'] ?? '')?.[1];
  if (boundary === undefined)
    return { headers, text: decoded(headers, body).toString('utf8').trimEnd(), attachments: [] };
  const parts = body
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((text) => part(text.replace(/^\r\n/, '').replace(/\r\n$/, '')));
  const [first, ...rest] = parts;
  return {
    headers,
    text: first ? decoded(first.headers, first.body).toString('utf8').trimEnd() : '',
    attachments: rest.map((one) => ({
      name: fileName(one.headers['content-disposition'] ?? ''),
      type: (one.headers['content-type'] ?? '').split(';')[0] ?? '',
      content: decoded(one.headers, one.body),
    })),
  };
}

function part(text: string): { headers: Record<string, string>; body: string } {
  const end = text.indexOf('\r\n\r\n');
  const lines = text
    .slice(0, end)
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = words(line.slice(colon + 1).trim());
  }
  return { headers, body: text.slice(end + 4) };
}

const words = (text: string): string =>
  text
    .replaceAll(/\?=\s+=\?/g, '?==?')
    .replaceAll(/=\?utf-8\?(b|q)\?(.*?)\?=/gi, (_, kind: string, value: string) =>
      kind.toLowerCase() === 'b'
        ? Buffer.from(value, 'base64').toString('utf8')
        : quoted(value.replaceAll('_', ' ')).toString('utf8'),
    );

/** RFC 2231: what is not ASCII may come in numbered pieces, percent-encoded. */
function fileName(disposition: string): string {
  const pieces = [...disposition.matchAll(/filename\*(?:\d+\*)?=([^;\s]+)/g)].map(([, piece = '']) => piece);
  if (pieces.length > 0) return decodeURIComponent(pieces.join('').replace(/^utf-8''/i, ''));
  return /filename="?([^";]+)"?/.exec(disposition)?.[1] ?? '';
}

function decoded(headers: Readonly<Record<string, string>>, body: string): Buffer {
  const encoding = (headers['content-transfer-encoding'] ?? '').toLowerCase();
  if (encoding === 'base64') return Buffer.from(body, 'base64');
  return encoding === 'quoted-printable' ? quoted(body.replaceAll('=\r\n', '')) : Buffer.from(body, 'utf8');
}

const quoted = (text: string): Buffer =>
  Buffer.from(
    text
      .replaceAll(/[^\x20-\x7e\r\n]/g, encodeURIComponent)
      .replaceAll(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
