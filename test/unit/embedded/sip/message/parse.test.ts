import { describe, expect, it } from 'vitest';
import {
  parseMessage,
  printMessage,
  SipParseError,
  type SipRequest,
  type SipResponse,
} from '../../../../../src/embedded/sip/message/index.ts';

const HEAD = [
  'INVITE sip:100@127.0.0.1 SIP/2.0',
  'Via: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK1',
  'From: <sip:200@127.0.0.1>;tag=a',
  'To: <sip:100@127.0.0.1>',
  'Call-ID: c1',
  'CSeq: 1 INVITE',
];

const bytes = (lines: string[], body: string | Buffer = ''): Buffer =>
  Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)]);

const parse = (lines: string[], body: string | Buffer = '') => parseMessage(bytes(lines, body)) as SipRequest;

const fault = (input: Buffer): SipParseError => {
  try {
    parseMessage(input);
  } catch (error) {
    if (error instanceof SipParseError) return error;
    throw error;
  }
  throw new Error('accepted');
};

describe('parseMessage', () => {
  it('reads a request', () => {
    const message = parse([...HEAD, 'Content-Type: application/sdp', 'Content-Length: 3'], 'v=0');
    expect(message).toMatchObject({ kind: 'request', method: 'INVITE', uri: 'sip:100@127.0.0.1' });
    expect(message.body.toString()).toBe('v=0');
    expect(message.callId).toBe('c1');
  });

  it('reads a response', () => {
    const message = parseMessage(bytes(['SIP/2.0 486 Busy Here', ...HEAD.slice(1)])) as SipResponse;
    expect(message).toMatchObject({ kind: 'response', status: 486, reason: 'Busy Here' });
  });

  it('takes what a datagram holds for the body when there is no Content-Length', () => {
    expect(parse(HEAD, 'abc').body.toString()).toBe('abc');
  });

  it('counts the body in bytes, not in characters', () => {
    const body = Buffer.from('привет');
    const message = parse([...HEAD, `Content-Length: ${body.length}`], body);
    expect(message.body.toString()).toBe('привет');
    expect(fault(bytes([...HEAD, `Content-Length: ${body.length + 1}`], body)).status).toBe(400);
  });

  it('accepts line feeds alone, empty lines in front, and a missing empty line at the end', () => {
    expect((parseMessage(Buffer.from(`${HEAD.join('\n')}\n\nabc`)) as SipRequest).body.toString()).toBe('abc');
    expect(parseMessage(Buffer.from(`\r\n\r\n${HEAD.join('\r\n')}\r\n\r\n`)).callId).toBe('c1');
    expect(parseMessage(Buffer.from(`${HEAD.join('\r\n')}\r\n`)).callId).toBe('c1');
  });

  it('does not accept a message that is cut off within a line', () => {
    expect(fault(Buffer.from(HEAD.join('\r\n')))).toMatchObject({ status: 400, partial: undefined });
  });

  it('reads compact names and any case', () => {
    const message = parse(HEAD.map((line) => line.replace('Via', 'v').replace('From', 'f').replace('Call-ID', 'I')));
    expect(message.via.host).toBe('127.0.0.1');
    expect(message.callId).toBe('c1');
    expect(message.headers.get('CALL-id')).toBe('c1');
  });

  it.each([
    ['no colon', 'Nonsense'],
    ['space in the name', 'Bad Name: x'],
    ['empty name', ': x'],
    ['two Content-Lengths that differ', 'Content-Length: 0\r\nl: 1'],
    ['Max-Forwards that is no number', 'Max-Forwards: many'],
    ['Contact that is no URI', 'Contact: <nonsense>'],
    ['CSeq twice', 'CSeq: 1 INVITE'],
  ])('answers 400 to a header line with %s', (_, line) => {
    const error = fault(bytes([...HEAD, line]));
    expect(error.status).toBe(400);
    expect(error.partial?.callId).toBe('c1');
  });

  it('accepts a Content-Length that is repeated, and Contact: *', () => {
    expect(parse([...HEAD, 'Content-Length: 0', 'l: 0', 'Contact: *']).headers.get('Contact')).toBe('*');
  });

  it.each(['Via', 'From', 'To', 'Call-ID', 'CSeq'])('answers 400 when %s is missing, if it can be answered', (name) => {
    const error = fault(bytes(HEAD.filter((line) => !line.startsWith(name))));
    expect(error).toMatchObject({ status: 400, reason: expect.stringContaining(name) });
    expect(error.partial !== undefined).toBe(name !== 'Via');
  });

  it('never asks for an answer to an ACK or a response', () => {
    const ack = HEAD.map((line) => line.replace('INVITE', 'ACK'));
    expect(fault(bytes([...ack, 'Nonsense'])).partial).toBeUndefined();
    expect(fault(bytes(['SIP/2.0 200 OK', ...HEAD.slice(1), 'Nonsense'])).partial).toBeUndefined();
  });

  it('answers 513 to too many header lines and to a head that is too long', () => {
    const many = Array.from({ length: 260 }, (_, at) => `X-${at}: y`);
    expect(fault(bytes([...HEAD, ...many]))).toMatchObject({ status: 513, partial: expect.anything() });
    expect(fault(bytes([...HEAD, `X: ${'y'.repeat(70_000)}`]))).toMatchObject({ status: 513 });
  });

  it.each([
    ['nothing', ''],
    ['zeros', '\0\0\0\0'],
    ['an HTTP request', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a line', 'hello\r\n'],
    ['a fold without a header', 'INVITE sip:a@b SIP/2.0\r\n folded\r\n\r\n'],
  ])('drops %s', (_, text) => {
    expect(fault(Buffer.from(text)).partial).toBeUndefined();
  });

  it('survives bytes that are no UTF-8', () => {
    const message = parseMessage(
      Buffer.concat([
        Buffer.from(`${HEAD.join('\r\n')}\r\nSubject: `),
        Buffer.from([0xff, 0xfe]),
        Buffer.from('\r\n\r\n'),
      ]),
    );
    expect(message.headers.get('Subject')).toBe('\ufffd\ufffd');
  });
});

describe('printMessage', () => {
  it('keeps order, names and unknown headers', () => {
    const text = `${HEAD.join('\r\n').replace('Via', 'v')}\r\nx-Own: 1\r\nl: 3\r\nLast: z\r\n\r\nabc`;
    expect(printMessage(parseMessage(Buffer.from(text))).toString()).toBe(text);
  });

  it('corrects the Content-Length, in bytes, and adds a missing one', () => {
    const message = parse([...HEAD, 'Content-Length: 1', 'X: y'], 'a');
    message.body = Buffer.from('ёж');
    expect(printMessage(message).toString()).toContain('Content-Length: 4\r\nX: y\r\n\r\nёж');
    message.headers.remove('Content-Length');
    expect(printMessage(message).toString()).toContain('X: y\r\nContent-Length: 4\r\n\r\nёж');
  });
});

describe('typed headers', () => {
  it('follow a change of the header', () => {
    const message = parse(HEAD);
    expect(message.to.params.has('tag')).toBe(false);
    message.headers.set('To', `${message.headers.get('To')};tag=b`);
    expect(message.to.params.get('tag')).toBe('b');
  });

  it('are parsed once', () => {
    const message = parse(HEAD);
    expect(message.via).toBe(message.via);
  });
});
