import { describe, expect, it } from 'vitest';
import type { Frame } from '../../../../../src/embedded/sip/transport/framing.ts';
import { StreamFramer } from '../../../../../src/embedded/sip/transport/stream-framer.ts';

const message = (body: string, length: number | string = Buffer.byteLength(body)): string =>
  `MESSAGE sip:a@b SIP/2.0\r\nCall-ID: 1\r\nContent-Length: ${length}\r\n\r\n${body}`;

const show = (frame: Frame): string =>
  frame.kind === 'message'
    ? frame.bytes.toString()
    : frame.kind === 'broken'
      ? `${frame.fault.status} ${frame.fault.reason}`
      : frame.kind;

const feed = (framer: StreamFramer, ...chunks: (string | Buffer)[]): string[] =>
  chunks.flatMap((chunk) => framer.push(Buffer.from(chunk))).map(show);

const framer = (): StreamFramer => new StreamFramer(100);

describe('StreamFramer', () => {
  it('cuts messages by their Content-Length', () => {
    const [one, two, three] = [message('привет'), message(''), message('x\r\n\r\ny')];
    expect(feed(framer(), one + two + three)).toEqual([one, two, three]);
  });

  it('does so byte by byte', () => {
    const text = message('привет') + message('');
    const bytes = [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
    expect(feed(framer(), ...bytes)).toEqual([message('привет'), message('')]);
  });

  it('reads l, any case, spaces and bare line feeds', () => {
    for (const line of ['l: 2', 'L:2', 'content-LENGTH  :   2']) {
      const text = `MESSAGE sip:a@b SIP/2.0\r\n${line}\r\n\r\nxy`;
      expect(feed(framer(), text)).toEqual([text]);
    }
    expect(feed(framer(), 'SIP/2.0 200 OK\nl: 1\n\nxrest')).toEqual(['SIP/2.0 200 OK\nl: 1\n\nx']);
  });

  it('tells a ping from a pong, RFC 5626 §3.5.1', () => {
    expect(feed(framer(), '\r\n\r\n')).toEqual(['ping']);
    expect(feed(framer(), '\r\n', '\r\n')).toEqual(['ping']);
    expect(feed(framer(), `\r\n${message('')}`)).toEqual(['pong', message('')]);
    expect(feed(framer(), `\r\n\r\n${message('')}`)).toEqual(['ping', message('')]);
    expect(feed(framer(), `${message('x')}\r\n\r\n\r\n\r\n`)).toEqual([message('x'), 'ping', 'ping']);
  });

  it('knows when it is in the middle of a message', () => {
    const stream = framer();
    const states = ['\r\n', message('abc').slice(0, 10), message('abc').slice(10, -1), 'c', '\r\n'].map((chunk) => {
      stream.push(Buffer.from(chunk));
      return stream.midMessage;
    });
    expect(states).toEqual([false, true, true, false, false]);
  });

  it.each([
    ['none', 'MESSAGE sip:a@b SIP/2.0\r\nCall-ID: 1\r\n\r\n', '400 Missing or malformed Content-Length'],
    ['a negative one', message('', '-1'), '400 Missing or malformed Content-Length'],
    ['a word', message('', 'x'), '400 Missing or malformed Content-Length'],
    ['two that differ', message('', '0\r\nl: 1'), '400 Missing or malformed Content-Length'],
    ['one over the limit', message('', 101), '513 Message Too Large'],
  ])('breaks off at a Content-Length: %s', (_, text, fault) => {
    const stream = framer();
    expect(feed(stream, message('x') + text, message('y'))).toEqual([message('x'), fault]);
    expect(stream.midMessage).toBe(false);
  });

  it('does not take a Content-Length from the body', () => {
    const text = message('\r\nContent-Length: 1\r\n\r\n');
    expect(feed(framer(), text)).toEqual([text]);
  });

  it('breaks off at what is not SIP, and at a head without an end', () => {
    expect(feed(framer(), Buffer.from([0x16, 3, 1]), message(''))).toEqual(['garbage']);
    expect(feed(framer(), `A: ${'x'.repeat(70_000)}`)).toEqual(['garbage']);
  });
});
